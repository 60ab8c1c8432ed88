"""Several byte strings as one, small: how the requests of a call are kept for a replay."""

import struct
import zlib
from collections.abc import Sequence

_LENGTH = struct.Struct(">I")


def pack(parts: Sequence[bytes]) -> bytes:
    joined = b"".join(_LENGTH.pack(len(part)) + part for part in parts)
    return zlib.compress(joined, level=1)  # mails of one lesson repeat each other; more effort gains little


def unpack(packed: bytes) -> list[bytes]:
    """What `pack` was given, to the byte."""
    joined, parts, at = zlib.decompress(packed), [], 0
    while at < len(joined):
        (length,) = _LENGTH.unpack_from(joined, at)
        parts.append(joined[at + _LENGTH.size : at + _LENGTH.size + length])
        at += _LENGTH.size + length
    return parts
