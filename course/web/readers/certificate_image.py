"""The certificate as a picture to share: in the look of the picture that stands for the course."""

from io import BytesIO

from PIL import Image, ImageDraw

from course.web import share_image
from course.web.share_image import ACCENT, HEIGHT, INK, PAPER, RULE, SHEET, SIZE, SOFT, WIDTH

MARGIN, LEFT = 50, 120  # px: around the sheet, and to its text
ROOM = WIDTH - 2 * LEFT  # px for a line


def png(name: str, title: str, lessons: int, by: str, on: str) -> bytes:
    """1200 by 630. Nothing about the reader but the name they gave, if it can be drawn."""
    name = share_image.drawable(name)
    image = Image.new("RGB", SIZE, PAPER)
    pen = ImageDraw.Draw(image)
    pen.rectangle((MARGIN, MARGIN, WIDTH - MARGIN, HEIGHT - MARGIN), fill=SHEET, outline=RULE, width=2)
    pen.rectangle((MARGIN, MARGIN, WIDTH - MARGIN, MARGIN + 10), fill=ACCENT)
    for y in (HEIGHT - 150, HEIGHT - 144):
        pen.line((LEFT, y, WIDTH - LEFT, y), fill=RULE, width=2)
    done = f"All done, {name}" if name else "All done"
    _line(pen, done, _largest(pen, done, (84, 72, 62, 52)), 110, INK)
    _line(pen, f"{lessons} of {lessons} lessons read and put to use", 38, 225, SOFT)
    _line(pen, title, _largest(pen, title, (72, 62, 52, 44)), 310, ACCENT)
    _line(pen, f"{by} · {on}" if by else on, 34, HEIGHT - 120, SOFT)
    made = BytesIO()
    image.quantize(64).save(made, "PNG", optimize=True)
    return made.getvalue()


def _largest(pen: ImageDraw.ImageDraw, text: str, sizes: tuple[int, ...]) -> int:
    """The size at which a text fits into its line; at the last one it is cut."""
    text = share_image.drawable(text)
    return next((size for size in sizes if pen.textlength(text, share_image.font(size)) <= ROOM), sizes[-1])


def _line(pen: ImageDraw.ImageDraw, text: str, size: int, y: int, fill: str) -> None:
    face = share_image.font(size)
    pen.text((LEFT, y), share_image.cut(pen, share_image.drawable(text), face, ROOM), font=face, fill=fill)
