"""Pictures for lessons. Whatever is uploaded is judged by its content and made anew from its pixels: nothing of the
file itself is kept, so nothing that hides in it can reach a reader."""

from collections.abc import Iterable
from datetime import datetime
from io import BytesIO

from PIL import Image, ImageOps, UnidentifiedImageError
from sqlalchemy.orm import Session

from course.core import pictures as names
from course.core.errors import CourseError
from course.store import pictures as store
from course.store.models import Picture

FORMATS = ("PNG", "JPEG", "WEBP", "GIF")
MAX_UPLOAD = 12_000_000  # bytes: what phones make
MAX_PIXELS = 24_000_000  # in memory, four bytes each; a JPEG is read at an eighth to a half of its size if it is larger
MAX_WIDTH, MAX_HEIGHT = 1_600, 4_000  # pixels: sharp on every screen at the width of a mail
MAX_BYTES = 1_500_000  # of the picture as it is kept; readers load it over the phone's network
QUALITIES = (85, 75, 60, 45)
MAX_ALT = 300


class BadPicture(CourseError):
    """The file cannot be used; the text says why and what to do."""


def add(session: Session, data: bytes, *, author: str, now: datetime) -> Picture:
    """Keeps a picture and gives its row; the same pixels again give the same row. Raises BadPicture."""
    image = _opened(data)
    encoded, media_type = _encoded(image)
    digest = names.digest(encoded, image.width)
    if (found := store.by_digest(session, digest)) is not None:
        return found
    row = Picture(
        digest=digest, media_type=media_type, data=encoded, width=image.width, height=image.height, author=author,
        created_at=now,
    )  # fmt: skip
    store.add(session, row)
    return row


def take_back(session: Session, name: str, data: bytes, *, author: str, now: datetime) -> None:
    """A picture that was exported, under its name ("<digest>.png"). Raises BadPicture for what was changed since."""
    found = names.NAME.fullmatch(name)
    if found is None or names.digest(data, int(found["width"])) != found["digest"]:
        raise BadPicture(f"{name} is not as it was exported. Upload it in the lesson's page instead")
    if store.known(session, [found["digest"]]):
        return
    image = _opened(data)
    row = Picture(
        digest=found["digest"], media_type=names.KINDS[found["kind"]], data=data, width=image.width,
        height=image.height, author=author, created_at=now,
    )  # fmt: skip
    store.add(session, row)


def shown_in(session: Session, sources: Iterable[str]) -> dict[str, bytes]:
    """All pictures that these lessons name and that are here, by file name."""
    named = {digest for source in sources for digest in names.digests_in(source)}
    return {f"{row.digest}.{names.kind_of(row.media_type)}": row.data for row in store.all_of(session, named)}


def markdown(row: Picture, alt: str) -> str:
    """How it is written in a lesson. The words may hold anything but line ends."""
    escaped = "".join(f"\\{c}" if c in "\\[]`*_<&!" else c for c in " ".join(alt.split()))
    return f"![{escaped}]({names.address(row.digest, row.media_type)})"


def _opened(data: bytes) -> Image.Image:
    """Upright, in a mode that can be encoded, and no larger than a mail needs."""
    if data.lstrip()[:5].lower() in {b"<?xml", b"<svg "} or b"<svg" in data[:1000].lower():
        raise BadPicture("This is an SVG, a drawing that mail programs do not show. Save it as PNG, and try again")
    try:
        with Image.open(BytesIO(data), formats=FORMATS) as image:
            image.draft("RGB", (MAX_WIDTH, MAX_WIDTH))
            if image.width * image.height > MAX_PIXELS:
                raise BadPicture(
                    f"This picture has more than {MAX_PIXELS // 1_000_000} megapixels. Make it smaller first"
                )
            upright = ImageOps.exif_transpose(image)
            upright.load()
    except UnidentifiedImageError:
        raise BadPicture("This is no picture that we can read. Save it as JPEG or PNG, and try again") from None
    except (
        Image.DecompressionBombError,
        Image.DecompressionBombWarning,
        OSError,
        SyntaxError,
        ValueError,
        OverflowError,
    ):
        raise BadPicture(
            "This picture is damaged, or not what it says it is. Open it, save it anew, and try again"
        ) from None
    see_through = upright.mode in {"RGBA", "LA", "PA"} or "transparency" in upright.info
    plain = upright.convert("RGBA" if see_through else "RGB")
    plain.thumbnail((MAX_WIDTH, MAX_HEIGHT))
    return plain


def _encoded(image: Image.Image) -> tuple[bytes, str]:
    """Drawings as PNG, photographs as JPEG: whichever keeps it well within the limit."""
    png = _saved(image, "PNG", optimize=True)
    if len(png) <= MAX_BYTES // 5 or (image.mode == "RGBA" and len(png) <= MAX_BYTES):
        return png, "image/png"
    flat = image if image.mode == "RGB" else _on_white(image)
    for quality in QUALITIES:
        jpeg = _saved(flat, "JPEG", quality=quality, optimize=True, progressive=True)
        if len(jpeg) <= MAX_BYTES:
            return jpeg, "image/jpeg"
    raise BadPicture("This picture is too detailed to send to a phone. Make it smaller, and try again")


def _on_white(image: Image.Image) -> Image.Image:
    paper = Image.new("RGB", image.size, "white")
    paper.paste(image, mask=image.getchannel("A"))
    return paper


def _saved(image: Image.Image, kind: str, **options: object) -> bytes:
    """Pixels only: what else the picture carried (place, camera, comments, profiles) is not handed on."""
    bare, out = Image.new(image.mode, image.size), BytesIO()
    bare.paste(image)
    bare.save(out, kind, **options)
    return out.getvalue()
