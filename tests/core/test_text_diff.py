"""What changed between two texts."""

from hypothesis import given
from hypothesis import strategies as st

from course.core import text_diff
from course.core.text_diff import Piece

texts = st.text(st.sampled_from("ab \n.{}"), max_size=60)


def test_one_word_of_a_sentence() -> None:
    assert text_diff.words("Run far, {{ first_name }}.", "Run easy, {{ first_name }}.") == [
        Piece("same", "Run "),
        Piece("del", "far"),
        Piece("ins", "easy"),
        Piece("same", ", {{ first_name }}."),
    ]


def test_a_placeholder_changes_as_a_whole() -> None:
    assert text_diff.words("{{ first_name }}", "{{ last_name }}") == [
        Piece("del", "{{ first_name }}"),
        Piece("ins", "{{ last_name }}"),
    ]


def test_what_stays_is_left_away_but_for_two_lines_around() -> None:
    before = "".join(f"line {n}\n" for n in range(30))
    after = before.replace("line 3\n", "line three\n").replace("line 25\n", "")
    first, second = text_diff.passages(before, after)
    assert (first.skipped, second.skipped) == (1, 17)
    assert first.pieces[0] == Piece("same", "line 1\nline 2\nline ")
    assert Piece("del", "line 25\n") in second.pieces


def test_equal_texts_have_no_passages() -> None:
    assert text_diff.passages("a\nb\n", "a\nb\n") == text_diff.passages("", "") == []


@given(texts, texts)
def test_both_texts_can_be_read_out_of_their_words(before: str, after: str) -> None:
    found = text_diff.words(before, after)
    assert "".join(piece.text for piece in found if piece.how != "ins") == before
    assert "".join(piece.text for piece in found if piece.how != "del") == after


@given(texts, texts)
def test_every_change_is_in_a_passage(before: str, after: str) -> None:
    pieces = [piece for passage in text_diff.passages(before, after) for piece in passage.pieces]
    changed = "".join(piece.text for piece in pieces if piece.how != "same")
    assert bool(changed) == (before != after)


def test_a_very_long_passage_is_not_compared_word_by_word() -> None:
    before, after = "a b " * 1500, "b a " * 1500
    assert text_diff.words(before, after) == [Piece("del", before), Piece("ins", after)]
