"""A letter is joined in one pass, and a value is escaped for the place where it stands."""

import html

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from course.core.letter import Kind, Letter, Message, Part, Slot, Values, escape, one_line
from course.core.placeholders import Nonces

relaxed = settings(max_examples=100, deadline=None)
HOSTILE = st.lists(
    st.text(max_size=4)
    | st.sampled_from(
        [
            "{{ first_name }}",
            "{{ name }}",
            "{% x %}",
            "%recipient.name%",
            "\r\n",
            "\r",
            "\n",
            "\x00",
            "\x85",
            "\u2028",
            "\u2029",
            "\x1b[31m",
            "\u202e",
            "<b>",
            "</a>",
            "&amp;",
            "&lt;",
            '"',
            "'",
            "\\",
            "Bcc: x@y.test",
            "=?utf-8?q?=0A?=",
        ]
    ),
    max_size=6,
).map("".join)
ENDS_A_LINE = "\r\n\x0b\x0c\x1c\x1d\x1e\x85\u2028\u2029"


def part(kind: Kind, *segments: str) -> Part:
    return Part(segments, tuple(Slot("name", kind) for _ in segments[1:]))


@relaxed
@given(HOSTILE, st.lists(HOSTILE, min_size=1, max_size=4), st.sampled_from(Kind))
def test_joining_is_one_pass_so_that_no_value_is_ever_expanded(value: str, segments: list[str], kind: Kind) -> None:
    assert part(kind, *segments).join(Values({"name": value})) == escape(value, kind).join(segments)


@relaxed
@given(HOSTILE)
def test_a_value_that_is_the_nonce_of_a_slot_stays_as_it_was_typed(text: str) -> None:
    nonces = Nonces(text)
    segments, names = nonces.split(nonces.hide("Hi {{ first_name }}"))
    letter = Part(tuple(segments), tuple(Slot(name, Kind.TEXT) for name in names))
    typed = nonces.standing_for("unsubscribe") + text
    assert letter.join(Values({"first_name": typed})) == f"Hi {typed}"


@relaxed
@given(HOSTILE)
def test_a_value_in_a_header_has_no_control_character_and_no_line_end(value: str) -> None:
    joined = part(Kind.LINE, "About ", " and more").join(Values({"name": value}))
    assert joined.isprintable()
    assert not set(joined) & set(ENDS_A_LINE)
    assert len(joined.splitlines()) == 1
    assert one_line(one_line(value)) == one_line(value)


@relaxed
@given(HOSTILE)
def test_a_value_in_html_is_text_and_can_end_neither_a_tag_nor_an_attribute(value: str) -> None:
    for kind in (Kind.HTML, Kind.URL):
        escaped = escape(value, kind)
        assert not set(escaped) & set("<>\"'")
        assert html.unescape(escaped) == html.unescape(html.escape(value))


@relaxed
@given(HOSTILE)
def test_a_value_in_the_text_part_stands_as_it_is(value: str) -> None:
    assert escape(value, Kind.TEXT) == value


def test_one_name_may_stand_in_slots_of_several_kinds() -> None:
    values = Values({"name": 'A & "B"\r\n'})
    assert [values[Slot("name", kind)] for kind in (Kind.TEXT, Kind.HTML, Kind.LINE)] == [
        'A & "B"\r\n',
        "A &amp; &quot;B&quot;\r\n",
        'A & "B"',
    ]


def test_a_slot_without_a_value_is_an_error_and_never_an_empty_place() -> None:
    with pytest.raises(KeyError):
        part(Kind.TEXT, "Hi ", "").join(Values({}))


def test_a_part_with_a_segment_too_few_is_an_error() -> None:
    with pytest.raises(ValueError, match="zip"):
        Part(("Hi ",), (Slot("name", Kind.TEXT),)).join(Values({"name": "Ann"}))


def test_all_parts_of_a_message_are_joined_with_its_values() -> None:
    letter = Letter(
        "Coaches",
        "c@x.test",
        "",
        part(Kind.LINE, "To ", ""),
        part(Kind.TEXT, "Hi ", "."),
        part(Kind.HTML, "<p>", "</p>"),
        {"List-Unsubscribe": part(Kind.LINE, "<", ">")},
    )
    message = Message("0" * 32, "ann@x.test", letter, Values({"name": "A\n<b>"}))
    assert message.subject == "To A <b>"
    assert message.text == "Hi A\n<b>."
    assert message.html == "<p>A\n&lt;b&gt;</p>"
    assert message.headers == {"List-Unsubscribe": "<A <b>>"}
