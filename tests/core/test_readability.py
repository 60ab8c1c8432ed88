"""Words, minutes and school years of a lesson."""

from course.core import readability

EASY = "We run. You run. " * 12
HARD = (
    "Notwithstanding considerable individual variability, musculoskeletal adaptation necessitates progressively "
    "increasing mechanical loading administered systematically throughout longitudinal periodization. "
) * 3


def test_hard_sentences_ask_for_more_school() -> None:
    easy, hard = readability.grade_of(EASY), readability.grade_of(HARD)
    assert easy is not None
    assert hard is not None
    assert easy < 2 < 15 < hard


def test_a_few_words_tell_nothing_and_neither_do_lists() -> None:
    assert readability.grade_of("Run more.") is None
    assert readability.grade_of("- one two three\n" * 40) is None
    assert readability.grade_of("") is None


def test_words_are_counted_without_marks_and_targets() -> None:
    assert readability.word_count("**Two** words - [and three more](https://a.test/not/these)") == 5


def test_a_minute_is_the_least() -> None:
    assert [readability.minutes(words) for words in (0, 10, 880)] == [1, 1, 4]


def test_a_block_is_no_sentence_and_a_quantity_is_a_word() -> None:
    assert readability.prose("Run {{ 10 km }} a day.\n\n{{ plan_table }}\n\nRest.\n").split() == [
        "Run",
        "Ann",
        "a",
        "day.",
        "Rest.",
    ]
