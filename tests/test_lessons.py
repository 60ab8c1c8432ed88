"""The lessons that come with the course: complete, short, plain, and right in both systems of units."""

import re
from pathlib import Path

import pytest

from course.actions import lesson_files
from course.cli import folders
from course.core import lesson_file
from course.core.lesson_file import KEYS, LessonText
from course.core.markup import targets
from course.core.placeholders import AUTHORS, WRITTEN, Nonces
from course.core.readability import grade, prose, syllables, word_count
from course.core.units import Units, quantity, said
from course.paths import shipped

[FILES] = folders.files_in(shipped("lessons"))
COURSE = lesson_files.read(FILES)
LESSONS = {name: lesson_file.parse(text) for name, text in FILES.lessons.items()}


@pytest.fixture(params=LESSONS)
def lesson(request: pytest.FixtureRequest) -> LessonText:
    return LESSONS[request.param]


def test_no_file_of_the_course_has_a_fault() -> None:
    assert folders.faults_of(FILES) == []


def test_there_are_five_lessons_in_two_weeks() -> None:
    assert [name[:3] for name in FILES.lessons] == ["01-", "02-", "03-", "04-", "05-"]
    assert COURSE.gaps == (0, 3, 4, 3, 4)
    assert sum(COURSE.gaps) == 14


def test_the_course_says_who_sends_it_what_it_is_and_what_it_is_not() -> None:
    assert 0 < len(COURSE.title) <= 40
    assert COURSE.summary
    assert COURSE.sender
    assert "not a diagnosis" in COURSE.disclaimer
    assert "## Who we are" in COURSE.about


def test_every_field_of_a_lesson_is_written(lesson: LessonText) -> None:
    assert [key for key in KEYS if not getattr(lesson, key)] == []


def test_subject_and_preview_fit_a_phone(lesson: LessonText) -> None:
    assert len(lesson.subject) <= 40
    assert len(lesson.preview) <= 60


def test_subjects_and_titles_are_told_apart() -> None:
    assert len({lesson.subject for lesson in LESSONS.values()}) == 5
    assert len({lesson.title for lesson in LESSONS.values()}) == 5


def test_a_lesson_takes_about_four_minutes(lesson: LessonText) -> None:
    assert 650 <= word_count(lesson.body) <= 1050


def test_the_measure_of_reading_knows_easy_from_hard() -> None:
    easy = "The cat sat on the mat. It was a warm day. We ran to the park and back."
    hard = (
        "Longitudinal epidemiological investigations demonstrate considerable heterogeneity regarding biomechanical "
        "determinants of musculoskeletal overuse presentations."
    )
    assert grade(easy) < 2
    assert grade(hard) > 20
    assert [syllables(word) for word in ("run", "easy", "plan", "distance", "moved", "ended", "whole", "table")] == [
        1, 2, 1, 2, 1, 2, 1, 2,
    ]  # fmt: skip


def test_eighth_grade_is_enough_to_read_a_lesson(lesson: LessonText) -> None:
    assert grade(prose(lesson.body)) <= 8


def test_sentences_are_short_on_average(lesson: LessonText) -> None:
    sentences = [s for s in re.split(r"[.!?](?=[\s\")])|\n\n", prose(lesson.body)) if re.search(r"[A-Za-z]", s)]
    assert len(prose(lesson.body).split()) / len(sentences) <= 16


def test_only_placeholders_that_every_reader_has_are_used(lesson: LessonText) -> None:
    used = {m[1] for key in (*KEYS, "body") for m in WRITTEN.finditer(getattr(lesson, key))}
    words = {name for name in used if quantity(name, Units.BOTH) is None and not AUTHORS[name].is_block}
    assert words <= {"first_name", "course_page"}
    assert lesson.body.startswith("Hi {{ first_name }},\n")
    assert "{{ course_page }}" in lesson.body
    assert "{" not in WRITTEN.sub("", lesson.body)


def test_every_link_leads_to_a_paper_or_to_the_readers_own_page(lesson: LessonText) -> None:
    nonces = Nonces(lesson.body)
    for target in targets(lesson.body, nonces):
        assert target.kind == "link"
        assert target.url.startswith("https://doi.org/10.") or nonces.names_in(target.url) == ["course_page"]
        assert len(target.text.split()) >= 2  # "here" says nothing to a screen reader


UNITS = {
    "mi": ("km", 1.609344), "lb": ("kg", 0.45359237), "in": ("cm", 2.54), "fl oz": ("mL", 29.5735), "ft": ("m", 0.3048),
}  # fmt: skip
RANGE = r"(\d+(?:\.\d+)?)(?:-(\d+(?:\.\d+)?))?"


@pytest.mark.parametrize("unit", UNITS)
def test_each_measure_stands_in_both_systems_and_they_agree(unit: str) -> None:
    metric, factor = UNITS[unit]
    for name, lesson in LESSONS.items():
        text = said(lesson.body, Units.BOTH)
        for found in re.finditer(rf"(?<![/\d.]){RANGE} {unit}\b(.{{0,14}})", text):
            low, _, rest = found.groups()
            both = re.match(rf" \({RANGE} {metric}\)", rest)
            assert both, f"{name}: {found[0]!r} stands in one system only"
            assert float(both[1]) == pytest.approx(float(low) * factor, rel=0.07), f"{name}: {found[0]}"


@pytest.mark.parametrize("unit", ["km", "kg", "cm", "mL"])
def test_no_metric_measure_stands_alone(unit: str) -> None:
    for name, lesson in LESSONS.items():
        for found in re.finditer(rf"(.){RANGE} {unit}\b", said(lesson.body, Units.BOTH)):
            assert found[1] == "(", f"{name}: {found[0]!r} stands in one system only"


@pytest.mark.parametrize("units", [Units.KM, Units.MI])
def test_who_told_their_units_reads_no_others(units: Units) -> None:
    others = "km|kg|cm|mL" if units == Units.MI else "mi|lb|fl oz"
    for name, lesson in LESSONS.items():
        assert not re.search(rf"\d ?/?(?:{others})\b", said(lesson.body, units)), name


def test_where_a_runners_own_numbers_can_stand_they_do() -> None:
    used = {m[1] for lesson in LESSONS.values() for m in WRITTEN.finditer(lesson.body)}
    assert {name for name, known in AUTHORS.items() if known.is_block} <= used


def test_paces_agree_too() -> None:
    text = said("\n".join(lesson.body for lesson in LESSONS.values()), Units.BOTH)
    found = re.findall(r"(\d+):(\d\d)/mi \((\d+):(\d\d)/km\)", text)
    assert found
    for miles_min, miles_s, km_min, km_s in found:
        per_mile, per_km = int(miles_min) * 60 + int(miles_s), int(km_min) * 60 + int(km_s)
        assert per_mile == pytest.approx(per_km * 1.609344, abs=1)


def test_both_systems_are_used_throughout_the_course() -> None:
    text = said("\n".join(lesson.body for lesson in LESSONS.values()), Units.BOTH)
    assert len(re.findall(r"\d (?:mi|lb|in|fl oz) \(", text)) >= 15


def test_each_lesson_has_its_parts_in_order(lesson: LessonText) -> None:
    headings = re.findall(r"^## (.+)$", lesson.body, re.MULTILINE)
    wanted = ["The short answer", "Do this before next time", "One myth", "When to get help", "Write to us", "Sources"]
    assert [heading for heading in headings if heading in wanted] == wanted


def test_each_lesson_asks_its_question_where_it_invites_a_reply(lesson: LessonText) -> None:
    invitation = lesson.body.partition("## Write to us\n")[2].partition("\n## ")[0]
    assert lesson.question in invitation
    assert "cannot give personal medical advice" in invitation


def test_each_lesson_says_when_to_see_somebody(lesson: LessonText) -> None:
    help_ = lesson.body.partition("## When to get help\n")[2].partition("\n## ")[0]
    assert "clinician" in help_
    assert len(re.findall(r"^- ", help_, re.MULTILINE)) >= 3


def test_whoever_opens_a_file_finds_plain_text(lesson: LessonText) -> None:
    for path in sorted((shipped("lessons") / "running").iterdir()):
        content = path.read_bytes()
        assert b"\r" not in content
        assert b"\t" not in content
        assert not content.startswith(b"\xef\xbb\xbf")
        assert content.endswith(b"\n")
    assert "\u00a0" not in lesson.body


def test_the_shipped_course_is_found_where_it_is_installed() -> None:
    assert (shipped("lessons") / "running" / "course.toml").is_file()
    assert isinstance(shipped("templates"), Path)
