"""The lessons' own pictures: how they are named. A name tells the content, so it never means another picture, and the
width, so that a mail can say it without asking anybody."""

import re
from hashlib import sha256

MAIL_WIDTH = 528  # pixels of a mail's column: 600 without its margins
KINDS = {"png": "image/png", "jpg": "image/jpeg"}
NAME = re.compile(r"(?P<digest>[0-9a-f]{32}-(?P<width>[1-9]\d{0,3}))\.(?P<kind>png|jpg)")
ADDRESS = re.compile(rf"/pictures/{NAME.pattern}")  # as it stands in a lesson


def digest(data: bytes, width: int) -> str:
    """Half a SHA-256 in hex, a dash, and the width in pixels."""
    return f"{sha256(data).hexdigest()[:32]}-{width}"


def kind_of(media_type: str) -> str:
    """ "png" of "image/png"."""
    return next(kind for kind, known in KINDS.items() if known == media_type)


def address(digest: str, media_type: str) -> str:
    return f"/pictures/{digest}.{kind_of(media_type)}"


def digests_in(source: str) -> set[str]:
    """Of all pictures that a lesson names."""
    return {found["digest"] for found in ADDRESS.finditer(source)}
