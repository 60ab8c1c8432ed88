"""What the editor says about a lesson, and where."""

from dataclasses import replace

import pytest

from course.core import lesson_notes
from course.core.lesson_file import LessonText

GOOD = LessonText("Start", "Hello", "Short.", "", "", "", "Hi {{ first_name }},\n\n## One\n\nGo.\n")
PICTURE = f"/pictures/{'a' * 32}-640.png"


def test_a_good_lesson_has_nothing() -> None:
    assert lesson_notes.faults(GOOD) == lesson_notes.hints(GOOD) == []


def test_what_is_missing_is_named_together_with_what_is_wrong_in_the_rest() -> None:
    empty = LessonText("", " ", "", "", "", "", "")
    assert [(note.field, note.problem) for note in lesson_notes.faults(empty)] == [
        ("title", "the title is missing"),
        ("subject", "the subject is missing"),
        ("body", "the text is missing"),
    ]
    slip = replace(GOOD, title="", body="a\n\n{{ firstname }}\n")
    missing, found = lesson_notes.faults(slip)
    assert missing.field == "title"
    assert (found.field, found.line, found.remedy) == ("body", 3, "Did you mean {{ first_name }}?")


@pytest.mark.parametrize(
    ("changes", "field", "line"),
    [
        ({"body": "one\n[a](plan.md)\n"}, "body", 2),
        ({"body": "![](https://x.test/a.png)\n"}, "body", 1),
        ({"subject": "{{ nme }}"}, "subject", 0),
        ({"question": "{{ nme }}"}, "question", 0),
        ({"subject": "s" * 201}, "subject", 0),
        ({"text": "one\n\n{{ nme }}"}, "text", 3),
        ({"text": "by hand", "body": "{{ nme }}"}, "body", 1),
    ],
)
def test_a_fault_is_told_by_its_field_and_the_line_in_it(changes: dict[str, str], field: str, line: int) -> None:
    [note] = lesson_notes.faults(replace(GOOD, **changes))
    assert (note.field, note.line) == (field, line)


@pytest.mark.parametrize(
    ("changes", "field", "line", "said"),
    [
        ({"subject": "s" * 36}, "subject", 0, "phones show about 35"),
        ({"preview": ""}, "preview", 0, "there is no preview"),
        ({"preview": "p" * 91}, "preview", 0, "show about 90"),
        ({"body": "## One\n\n#### Three\n"}, "body", 3, "skips a level"),
        ({"body": "For more [click here](https://a.test/).\n"}, "body", 1, "does not say where it leads"),
        ({"body": "a\n\n[](https://a.test/)\n"}, "body", 3, "has no words"),
        ({"body": "[the plan](https://www.bit.ly/xyz)\n"}, "body", 1, "bit.ly hides where"),
        ({"body": f"![IMG_2041.JPG]({PICTURE})\n"}, "body", 1, "name of a file"),
        ({"body": "one\n\nTK numbers\n"}, "body", 3, "“TK” looks like"),
        ({"summary": "lorem ipsum"}, "summary", 0, "“lorem ipsum” looks like"),
    ],
)
def test_a_hint_is_told_where_it_helps(changes: dict[str, str], field: str, line: int, said: str) -> None:
    text = replace(GOOD, **changes)
    [note] = lesson_notes.hints(text)
    assert (note.field, note.line) == (field, line)
    assert said in note.problem
    assert lesson_notes.faults(text) == [] or not changes.get("body")


@pytest.mark.parametrize(
    "body", ["# One\n\n### Two\n", "## One\n\n```\n#### code\n```\n", "[your page]({{ course_page }})\n", "A TKO.\n"]
)
def test_what_is_right_gets_no_hint(body: str) -> None:
    assert lesson_notes.hints(replace(GOOD, body=body)) == []
