"""The picture that messengers and networks show with a link to a course: its title on a page of the training log."""

import unicodedata
from functools import cache, lru_cache
from hashlib import sha256
from io import BytesIO
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

SIZE = WIDTH, HEIGHT = 1200, 630
PAPER, SHEET, INK, SOFT, RULE, ACCENT = "#f2f2e6", "#fdfdf8", "#20281f", "#566050", "#d0d6c2", "#17663f"
MARGIN, COLUMN = 60, 280  # px: around the sheet, and to its text
LINES = 4  # of a title, at most
TEXT = COLUMN + 20, WIDTH - MARGIN - COLUMN - 60  # px: where it begins, and how wide it may be
FONT = Path(__file__).parent / "fonts" / "DejaVuSansCondensed-Bold.ttf"  # ours: the same on every machine
UNASSIGNED = "\uffff"  # no font has it: it is drawn as an empty box


@lru_cache(16)
def png(title: str, lessons: int, by: str) -> bytes:
    """1200 by 630. What does not fit is cut with an ellipsis."""
    image = Image.new("RGB", SIZE, PAPER)
    pen = ImageDraw.Draw(image)
    pen.rectangle((MARGIN, MARGIN, WIDTH - MARGIN, HEIGHT - MARGIN), fill=SHEET, outline=RULE, width=2)
    pen.rectangle((MARGIN, MARGIN, WIDTH - MARGIN, MARGIN + 10), fill=ACCENT)
    for x in (COLUMN - 30, COLUMN - 24):
        pen.line((x, MARGIN + 11, x, HEIGHT - MARGIN - 2), fill=RULE, width=2)
    middle = (MARGIN + COLUMN - 24) / 2
    pen.text((middle, 150), str(lessons), font=font(110), fill=ACCENT, anchor="mt")
    pen.text((middle, 275), "lesson" if lessons == 1 else "lessons", font=font(32), fill=SOFT, anchor="mt")
    size, lines = fitted(pen, drawable(title), TEXT[1])
    for number, line in enumerate(lines):
        pen.text((TEXT[0], 140 + number * size * 1.15), line, font=font(size), fill=INK)
    pen.text((TEXT[0], HEIGHT - MARGIN - 90), cut(pen, drawable(by), font(36), TEXT[1]), font=font(36), fill=SOFT)
    made = BytesIO()
    image.quantize(64).save(made, "PNG", optimize=True)
    return made.getvalue()


def version(*words: str | int) -> str:
    """Changes with what stands on the picture."""
    return sha256(repr(words).encode()).hexdigest()[:10]


def fitted(pen: ImageDraw.ImageDraw, text: str, width: int) -> tuple[int, list[str]]:
    """The largest size at which the title fits, and its lines."""
    for size in (92, 76, 62):
        lines = _wrapped(pen, text, font(size), width)
        if len(lines) * size * 1.15 < 330:
            return size, lines
    return size, [*lines[: LINES - 1], f"{lines[LINES - 1]} …"]


def _wrapped(pen: ImageDraw.ImageDraw, text: str, face: ImageFont.FreeTypeFont, width: int) -> list[str]:
    lines = [""]
    for word in text.split():
        longer = f"{lines[-1]} {word}".strip()
        if pen.textlength(longer, face) <= width or not lines[-1]:
            lines[-1] = cut(pen, longer, face, width)
        else:
            lines.append(cut(pen, word, face, width))
    return lines


def cut(pen: ImageDraw.ImageDraw, text: str, face: ImageFont.FreeTypeFont, width: int) -> str:
    """What of a text fits into so many pixels, with an ellipsis if that is not all."""
    if pen.textlength(text, face) <= width:
        return text
    while text and pen.textlength(f"{text}…", face) > width:
        text = text[:-1]
    return f"{text}…"


@cache
def font(size: int) -> ImageFont.FreeTypeFont:
    """The bold one, `size` px."""
    return ImageFont.truetype(FONT, size, layout_engine=ImageFont.Layout.BASIC)


def drawable(text: str) -> str:
    """Without what the font has no shape for (an emoji, Chinese): better no sign than an empty box. Of an accented
    letter that it lacks the letter stays. "" if nothing is left."""
    composed = unicodedata.normalize("NFC", text)
    return " ".join("".join(_drawn(letter) for letter in composed).split())


@lru_cache(1000)
def _drawn(letter: str) -> str:
    if _has_shape(letter):
        return letter
    return "".join(part for part in unicodedata.normalize("NFKD", letter) if _has_shape(part))


def _has_shape(letter: str) -> bool:
    face = font(20)
    shape, box = face.getmask(letter), face.getmask(UNASSIGNED)
    return (shape.size, bytes(shape)) != (box.size, bytes(box))
