"""Blocks and quantities in a mail: Sam's are part of the letter, a runner's own are slots that only our code fills."""

import re
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from course.core import blocks
from course.core.letter import Kind, Letter, Message, Slot, Values
from course.core.placeholders import AUTHORS
from course.core.profile import Goal, Profile
from course.core.units import Units
from tests.factories import lesson_text
from tests.mail.test_render import COMPOSER, FACTS, HOSTILE, SHIPPED, VALUES, Seen, message, relaxed

TODAY = date(2026, 11, 26)
ANN = Profile(Units.KM, Goal.HALF, None, 30, 12, (0, 2, 4, 6), 63, date(2026, 11, 24))
OWN = blocks.own(ANN, TODAY)
BLOCKS = [name for name, known in AUTHORS.items() if known.is_block]
BODY = "Before.\n\n{{ plan_table }}\n\nAfter {{ 10 km }}.\n"


def letter(body: str, units: Units = Units.BOTH, *, own: bool = False) -> Letter:
    return COMPOSER.lesson(FACTS, lesson_text("Week", body), "mail", units, own)


def own(body: str) -> Message:
    return Message("0" * 32, "ann@runner.test", letter(body, Units.KM, own=True), Values(VALUES, OWN))


def test_without_numbers_of_their_own_everybody_has_sams_at_no_cost() -> None:
    common = letter(BODY)
    assert not any(slot.is_block for part in (common.html, common.text) for slot in part.slots)
    mail = message(common)
    for part in (mail.text, Seen(mail.html).text):
        assert re.search(
            r"Before\. Sam's first eight weeks.* 14\.9 \(24\) .*After 6\.2 mi \(10 km\)", " ".join(part.split())
        )
    assert letter(BODY) is common


def test_with_numbers_the_blocks_are_slots_and_quantities_follow_the_units() -> None:
    mail = own(BODY)
    assert Slot("plan_table", Kind.HTML, is_block=True) in mail.letter.html.slots
    for part in (mail.text, Seen(mail.html).text):
        assert re.search(r"Before\. Your next eight weeks.* 13\.2 .*After 10 km\.", " ".join(part.split()))
        assert "Sam's" not in part
    assert "6.2 mi." in message(letter(BODY, Units.MI)).text


@pytest.mark.parametrize("name", BLOCKS)
def test_each_block_stands_between_its_neighbours_in_both_parts(name: str) -> None:
    for mail in (
        own(f"Before.\n\n{{{{ {name} }}}}\n\nAfter.\n"),
        message(letter(f"Before.\n\n{{{{{name}}}}}\n\nAfter.\n")),
    ):
        block = (OWN if mail.values.blocks is OWN else blocks.sample(Units.BOTH))(name)
        assert f"Before.\n\n{block.text}\n\nAfter." in mail.text
        assert block.html in mail.html
        inside = re.sub(r"<p[^>]*>", "<p>", mail.html[mail.html.index("Before.") :])
        assert "<p><" not in inside  # no table in a paragraph


def test_a_block_looks_like_a_table_that_an_author_writes() -> None:
    """Its styles are its own, since they come after the style sheet was worked in: the same ones."""
    styles = {}
    for body in ("| a | b |\n|---|---|\n| words | more |\n", "{{ fuel_per_hour }}\n"):
        html = message(letter(body)).html
        inside = html[html.index('class="lesson"') :]
        for tag in ("table", "th", "td"):
            found = [
                dict(re.findall(r"([\w-]+): ?([^;\"]+)", style))
                for style in re.findall(rf'<{tag}[^>]*style="([^"]+)"', inside)
            ]
            styles.setdefault(tag, []).append(found[-1 if tag == "td" else 0])
    for tag, (authors, ours) in styles.items():
        for name in (
            "border-collapse",
            "border-bottom",
            "font-size",
            "padding",
            "text-align",
            "vertical-align",
            "width",
        ):
            assert authors.get(name, "").strip() == ours.get(name, "").strip(), (tag, name)


@pytest.mark.parametrize(
    "body",
    ["a {{ plan_table }} b", "- {{ plan_table }}", "## {{ plan_table }}", "`{{ plan_table }}`", "[x]({{ plan_table }})",
     "![{{ plan_table }}](https://x.test/a.png)", "| a |\n|---|\n| {{ plan_table }} |"],
)  # fmt: skip
def test_a_block_where_none_can_stand_is_read_as_it_was_written(body: str) -> None:
    for mail in (own(f"{body}\n"), message(letter(f"{body}\n"))):
        assert "{{ plan_table }}" in mail.html.replace("%7B", "{").replace("%7D", "}").replace("%20", " ")
        assert "week" not in mail.text.partition("{{")[2].partition("---")[0].lower()


def test_in_a_subject_a_block_is_words_and_a_quantity_is_a_quantity() -> None:
    source = lesson_text("Week").replace('"About Week"', '"{{ fueling }} for {{ 10 km }}"')
    mail = message(COMPOSER.lesson(FACTS, source, "mail", Units.MI, True))
    assert mail.subject == "{{ fueling }} for 6.2 mi"


def test_a_text_by_hand_has_blocks_on_lines_of_their_own() -> None:
    source = lesson_text("Week").replace("+++\nHi", 'text = """\nMine:\n{{ strength_slots }}\nend"""\n+++\nHi')
    mail = Message("0" * 32, "a@x.test", COMPOSER.lesson(FACTS, source, "mail", Units.KM, True), Values(VALUES, OWN))
    assert f"Mine:\n{OWN('strength_slots').text}\nend" in mail.text


@relaxed
@given(HOSTILE, HOSTILE)
def test_nothing_that_was_typed_gets_into_a_block(name: str, typed: str) -> None:
    values = Values(VALUES | {"first_name": name, "plan_table": typed}, OWN)
    mail = Message("0" * 32, "a@x.test", letter(BODY, Units.KM, own=True), values)
    assert OWN("plan_table").html in mail.html
    assert OWN("plan_table").text in mail.text
    if len(typed.strip()) > 3:
        assert typed not in mail.html.replace(OWN("plan_table").html, "") or typed in own(BODY).html


def test_a_block_is_never_taken_from_what_is_known_of_a_reader() -> None:
    with pytest.raises(KeyError):
        letter(BODY, own=True).html.join(Values(VALUES | {"plan_table": "<script>"}))


@relaxed
@given(HOSTILE, HOSTILE, st.sampled_from(["\n\n", "\n", " ", ""]))
def test_whatever_stands_around_a_block_nothing_that_stood_for_it_is_left(before: str, after: str, gap: str) -> None:
    body = f"{before}{gap}{{{{ plan_table }}}}{gap}{after}\n\nWords.\n".replace("\x00", "")
    mail, plain = own(body), own(body.replace("{{ plan_table }}", "plan"))
    for part in (mail.html, mail.text):
        assert not re.search(r"slot[0-9a-f]{12}x", part)
        assert "plan0table" not in part
    assert Seen(mail.html).text.count("Your next eight weeks") + mail.html.count("{{ plan_table }}") <= 1
    assert [url for url in Seen(mail.html).links() if "evil" in url] == []
    assert set(Seen(mail.html).links()) <= set(Seen(plain.html).links()) | {"%7B%7B%20plan_table%20%7D%7D"}


@pytest.mark.parametrize("file", SHIPPED)
def test_the_lessons_are_whole_for_every_reader(file: str) -> None:
    for units in Units:
        for with_own in (False, True):
            letter = COMPOSER.lesson(FACTS, SHIPPED[file], "mail", units, with_own)
            mail = Message("0" * 32, "a@x.test", letter, Values(VALUES, OWN))
            assert "{{" not in mail.text + mail.html
            assert len(mail.html.encode()) < 60_000
            if units != Units.BOTH and not with_own:
                other = {Units.KM: r"\d (?:mi|lb|fl oz|in)\b(?! [a-z])", Units.MI: r"\d (?:km|kg|cm|mL)\b"}[units]
                assert not re.search(other, mail.text)
