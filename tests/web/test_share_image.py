"""The picture that goes with a link to a course."""

from io import BytesIO

import pytest
from PIL import Image

from course.web import share_image


@pytest.mark.parametrize("title", ["", "Über alles " * 20, "x" * 200, "Бег", "🏃", "Plan, Lift, Fuel"])
def test_any_title_makes_a_picture_in_which_nothing_runs_over_the_edge(title: str) -> None:
    with Image.open(BytesIO(share_image.png(title, 12, title))) as picture:
        assert picture.size == (1200, 630)
        seen = picture.convert("RGB")
    margin = [seen.getpixel((x, y)) for x in (*range(50), *range(1150, 1200)) for y in range(630)]
    assert len(set(margin)) == 1


def test_another_title_is_another_picture_with_another_address() -> None:
    assert share_image.png("One", 5, "by us") != share_image.png("Two", 5, "by us")
    assert share_image.version("One", 5, "by us") != share_image.version("Two", 5, "by us")


@pytest.mark.parametrize(
    "name", ["Zoë", "Łukasz", "Őz", "Søren", "Peña", "Çağla", "Đặng", "Ионна", "Άννα", "Þóra — “ß”"]
)
def test_names_are_written_with_their_accents_on_every_machine(name: str) -> None:
    assert share_image.drawable(name) == name
    assert share_image.FONT.is_file()  # ours, in the package


@pytest.mark.parametrize(
    ("text", "drawn"),
    [
        ("李雷", ""),
        ("Zoë 李", "Zoë"),
        ("Run 🏃 on", "Run on"),
        ("Zoe\u0308", "Zoë"),  # written as two signs
        ("Ǻ", "Ǻ"),
        ("ｗｉｄｅ", "wide"),
        ("a\u200db\x00", "ab"),
    ],
)
def test_what_the_font_has_no_shape_for_is_left_out_and_never_an_empty_box(text: str, drawn: str) -> None:
    assert share_image.drawable(text) == drawn


def test_a_title_without_one_sign_that_can_be_drawn_leaves_a_picture_with_the_number_and_the_coaches() -> None:
    assert share_image.png("李雷", 5, "by us") == share_image.png("", 5, "by us")
