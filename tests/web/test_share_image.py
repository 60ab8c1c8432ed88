"""The picture that goes with a link to a course."""

from io import BytesIO

import pytest
from PIL import Image, ImageFont

from course.web import share_image


@pytest.fixture(params=[True, False], ids=["fonts of the machine", "no fonts"])
def fonts(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine may have none: Pillow brings one, for ASCII."""
    if not request.param:
        monkeypatch.setattr(share_image, "FONTS", ("no-such-font.ttf",))
    share_image.font.cache_clear()
    share_image.png.cache_clear()


@pytest.mark.usefixtures("fonts")
@pytest.mark.parametrize("title", ["", "Über alles " * 20, "x" * 200, "Бег", "🏃", "Plan, Lift, Fuel"])
def test_any_title_makes_a_picture_in_which_nothing_runs_over_the_edge(title: str) -> None:
    with Image.open(BytesIO(share_image.png(title, 12, title))) as picture:
        assert picture.size == (1200, 630)
        seen = picture.convert("RGB")
    margin = [seen.getpixel((x, y)) for x in (*range(50), *range(1150, 1200)) for y in range(630)]
    assert len(set(margin)) == 1


@pytest.mark.usefixtures("fonts")
def test_another_title_is_another_picture_with_another_address() -> None:
    assert share_image.png("One", 5, "by us") != share_image.png("Two", 5, "by us")
    assert share_image.version("One", 5, "by us") != share_image.version("Two", 5, "by us")


def test_a_letter_that_the_font_lacks_is_written_without_its_accent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(share_image, "FONTS", ())
    share_image.font.cache_clear()
    assert isinstance(share_image.font(20), ImageFont.FreeTypeFont)
    assert share_image.drawable("Läufer") == "Laufer"
    share_image.font.cache_clear()
