"""What authors may write between braces: a fixed list, replaced literally."""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from course.core.placeholders import AUTHORS, WRITTEN, Nonces, blocks_between_words, closest

relaxed = settings(max_examples=100, deadline=None)
names = st.sampled_from(list(AUTHORS))
pieces = st.lists(
    st.text(max_size=5)
    | st.sampled_from(["{{", "}}", "{", "}", " ", "first_name", "slot", "x9", "0123456789abcdef", "\n"])
    | names.map("{{{{ {} }}}}".format),
    max_size=8,
).map("".join)


@relaxed
@given(pieces)
def test_cutting_and_putting_the_names_back_gives_the_text_again(text: str) -> None:
    nonces = Nonces(text)
    segments, found = nonces.split(nonces.hide(text, blocks=True))
    assert len(segments) == len(found) + 1
    assert set(found) <= set(AUTHORS)
    written = [m[0] for m in WRITTEN.finditer(text) if m[1] in AUTHORS]
    again = "".join(a + b for a, b in zip(segments, [*written, ""], strict=True))
    assert again == text


@relaxed
@given(pieces, st.integers(0, 3))
def test_a_nonce_is_in_no_text_that_it_was_made_for(text: str, rounds: int) -> None:
    """Also not in one that was written by somebody who knows the nonces of the text without it."""
    for _ in range(rounds):
        text += Nonces(text).standing_for("first_name")
    nonces = Nonces(text)
    assert nonces.stem not in text
    assert nonces.names_in(text) == []


@relaxed
@given(st.lists(names, max_size=6))
def test_names_that_touch_are_told_apart(written: list[str]) -> None:
    nonces = Nonces("")
    segments, found = nonces.split("".join(map(nonces.standing_for, written)))
    assert found == written
    assert "".join(segments) == ""


BLOCKS = [name for name, known in AUTHORS.items() if known.is_block]


@pytest.mark.parametrize("name", BLOCKS)
def test_a_block_is_hidden_only_where_there_is_a_place_for_one(name: str) -> None:
    written = f"{{{{ {name} }}}}"
    nonces = Nonces(written)
    assert nonces.hide(written) == written
    assert nonces.names_in(nonces.hide(written, blocks=True)) == [name]
    text = f"see {written}\n  {written}\t\n{written}{written}\n"
    segments, names = nonces.split(nonces.hide_in_text(text))
    assert (segments, names) == ([f"see {written}\n  ", f"\t\n{written}{written}\n"], [name])
    assert blocks_between_words(text) == [name] * 3


def test_in_html_a_block_has_a_paragraph_to_itself_or_stays_as_it_was_written() -> None:
    nonces = Nonces("")
    plan, name = nonces.standing_for("plan_table"), nonces.standing_for("first_name")
    html = f"<p>{plan}</p><p>a {plan}</p><li>{plan}</li><p>{name}</p><p>{plan}{plan}</p>"
    alone = nonces.blocks_alone(html)
    written = "{{ plan_table }}"
    assert alone == f"<p>{plan}</p><p>a {written}</p><li>{written}</li><p>{name}</p><p>{written}{written}</p>"
    assert nonces.unwrapped(alone).startswith(f"<div>{plan}</div><p>a {written}")
    assert f"<p>{name}</p>" in nonces.unwrapped(alone)


@pytest.mark.parametrize("name", AUTHORS)
def test_what_stands_for_a_placeholder_is_letters_and_digits_only(name: str) -> None:
    assert re.fullmatch("[a-z0-9]+", Nonces("any").standing_for(name))


@pytest.mark.parametrize(
    "text",
    [
        "{{ 7*7 }}", "{% for x in y %}", "{{ config }}", "{{ self.__class__ }}", "{{ first_name|upper }}",
        "{{first_name", "{ { first_name } }", "{{ First_Name }}",
        "{{ first name }}", "{{ first_name\n}}", "{{{ first }}}", "{{}}",
        "${first_name}", "{# note #}", "%recipient.first_name%", "{{ unsubscribe() }}",
    ],
)  # fmt: skip
def test_everything_else_between_braces_stays_as_it_was_written(text: str) -> None:
    assert Nonces(text).hide(text) == text


@pytest.mark.parametrize("text", ["{{first_name}}", "{{ first_name }}", "{{\tfirst_name  }}", "{{{first_name}}}"])
def test_blanks_inside_the_braces_do_not_matter(text: str) -> None:
    nonces = Nonces(text)
    assert nonces.names_in(nonces.hide(text)) == ["first_name"]


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("firstname", "first_name"),
        ("FIRST_NAME", "first_name"),
        ("coursepage", "course_page"),
        ("qqq", None),
        ("", None),
    ],
)
def test_a_slip_is_met_with_the_name_that_was_probably_meant(typed: str, meant: str | None) -> None:
    assert closest(typed) == meant


@pytest.mark.parametrize("text", ["{{" + " " * 20_000, "{{ a" + " \t" * 20_000 + "{", "{{" * 20_000, "{{ a " * 20_000])
def test_a_text_that_never_ends_is_read_in_no_time(text: str) -> None:
    """A pattern that backtracks takes minutes for these; the test then hangs."""
    assert Nonces(text).hide(text) == text
    assert Nonces(text).hide_in_text(text) == text
