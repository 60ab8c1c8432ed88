"""`course.toml`: what is read, what is refused with which words, and that a change of one value keeps the file."""

import tomllib
from dataclasses import asdict, replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from course.core import course_file
from course.core.course_file import WEEKDAYS, CourseText
from course.core.errors import BadFile, Fault
from course.core.schedule import known_zone
from course.paths import shipped

relaxed = settings(max_examples=60, deadline=None)
FILE = "running/course.toml"
SOURCE = """\
# For the coaches: keep the title short.
title = "Running"   # shown in every mail

timezone = 'America/New_York'
gaps = [
    0,  # at once
    3,
]
weekdays = ["mon", "tue"] # not at weekends

about = '''
Two lines,
as "typed".
'''
# The end.
"""
TEXT = CourseText(
    title="Running",
    timezone="America/New_York",
    gaps=(0, 3),
    weekdays=("mon", "tue"),
    about='Two lines,\nas "typed".\n',
)

line = st.text(st.characters(exclude_characters="\x00", exclude_categories=["Cs"]), max_size=20).map(
    lambda text: " ".join(text.split())
)
hours = st.builds("{:02d}:{:02d}".format, st.integers(0, 23), st.integers(0, 59))
texts = st.builds(
    CourseText,
    title=line.filter(bool),
    timezone=st.sampled_from(["Europe/Berlin", "Asia/Calcutta", "UTC"]),
    gaps=st.lists(st.integers(1, 365), max_size=4).map(lambda rest: (0, *rest)),
    summary=line,
    sender=line,
    reply_to=st.sampled_from(["", "coach@x.test"]),
    postal_address=line,
    send_at=hours,
    send_until=hours,
    weekdays=st.lists(st.sampled_from(WEEKDAYS), min_size=1, unique=True).map(tuple),
    first_name=line,
    disclaimer=line,
    on_unknown=st.sampled_from(["hold", "resend"]),
    about=st.text(st.characters(exclude_characters="\x00\r", exclude_categories=["Cs"]), max_size=30),
)


def read(source: str, lessons: int = 2) -> CourseText:
    return course_file.parse(source, lessons, known_zone, FILE)


def faults_of(source: str, lessons: int = 2) -> list[Fault]:
    with pytest.raises(BadFile) as caught:
        read(source, lessons)
    return caught.value.faults


def minimal(**changes: str) -> str:
    """A file of TOML values, written as they are; "" leaves a key away."""
    values = {"title": '"Running"', "timezone": '"UTC"', "gaps": "[0, 3]"} | changes
    return "".join(f"{key} = {value}\n" for key, value in values.items() if value)


def test_a_whole_file() -> None:
    assert read(SOURCE) == TEXT
    assert course_file.parse_again(SOURCE) == TEXT


def test_three_keys_are_enough_and_the_rest_has_defaults() -> None:
    assert read(minimal()) == CourseText(title="Running", timezone="UTC", gaps=(0, 3))
    assert read(minimal()).weekdays == WEEKDAYS
    assert (read(minimal()).send_at, read(minimal()).send_until, read(minimal()).first_name) == (
        "07:00",
        "21:00",
        "there",
    )


@pytest.mark.parametrize("source", ["\ufeff" + SOURCE, SOURCE.replace("\n", "\r\n")])
def test_files_of_windows_are_read(source: str) -> None:
    assert read(source).title == "Running"
    assert read(source).gaps == (0, 3)


@relaxed
@given(texts)
def test_an_update_says_what_it_is_given(text: CourseText) -> None:
    written = course_file.updated(SOURCE, text)
    assert course_file.parse(written, len(text.gaps), known_zone) == text


@relaxed
@given(texts)
def test_an_update_that_changes_nothing_changes_no_byte(text: CourseText) -> None:
    written = course_file.updated(SOURCE, text)
    assert course_file.updated(written, text) == written


@pytest.mark.parametrize(
    "source", [SOURCE, "\ufeff" + SOURCE, SOURCE.replace("\n", "\r\n"), SOURCE.rstrip(), minimal()]
)
def test_a_file_that_says_the_same_comes_back_byte_for_byte(source: str) -> None:
    assert course_file.updated(source, course_file.parse_again(source)) == source


@pytest.mark.parametrize("name", [name for name in asdict(TEXT) if name not in {"title", "timezone", "gaps"}])
def test_a_key_that_was_left_away_is_added_only_when_it_is_not_the_default(name: str) -> None:
    assert name not in tomllib.loads(course_file.updated(minimal(), read(minimal())))
    changed = replace(read(minimal()), **{name: ("sun",) if name == "weekdays" else "19:30"})
    written = course_file.updated(minimal(), changed)
    assert written.startswith(minimal())
    assert course_file.parse_again(written) == changed


def test_an_update_keeps_comments_and_everything_that_says_the_same() -> None:
    written = course_file.updated(SOURCE, replace(TEXT, title='New "title"', gaps=(0, 3, 4), weekdays=("sun",)))
    assert read(written, 3) == replace(TEXT, title='New "title"', gaps=(0, 3, 4), weekdays=("sun",))
    kept = [
        "# For the coaches: keep the title short.", "# shown in every mail", "timezone = 'America/New_York'",
        "# not at weekends", "about = '''\nTwo lines,\nas \"typed\".\n'''\n# The end.\n",
    ]  # fmt: skip
    assert [text for text in kept if text not in written] == []


def test_the_shipped_file_keeps_its_notes_when_a_gap_changes() -> None:
    source = (shipped("lessons") / "running" / "course.toml").read_text()
    before = course_file.parse_again(source)
    assert course_file.updated(source, before) == source
    written = course_file.updated(source, replace(before, gaps=(0, 2, 2, 2, 2)))
    assert written == source.replace("gaps = [0, 3, 4, 3, 4]", "gaps = [0, 2, 2, 2, 2]")


HOUR = 'Write an hour of the day as "07:00"'
LIST = "Write them as a list: gaps = [0, 3, 4]"
ADDRESS = 'Write it as "name@example.org"'
NAME_DAYS = "Name at least one of mon, tue, wed, thu, fri, sat, sun, as a list"
FAULTS = {
    "no TOML": (minimal(title="Running"), 1, "no TOML: ", "Mend that line"),
    "a key twice": (minimal() + 'title = "x"\n', 4, "no TOML: Cannot overwrite a value", "Mend that line"),
    "unknown key": (minimal(titel='"x"'), 4, '"titel" is not known here', "Known are title, timezone, gaps, summary"),
    "a table": (minimal() + "[readers]\nx = 1\n", 0, '"readers" is not known here', "Known are"),
    "no title": (minimal(title=""), 0, "title is missing", "Add it"),
    "no timezone": (minimal(timezone=""), 0, "timezone is missing", "Add it"),
    "no gaps": (minimal(gaps=""), 0, "gaps is missing", "Add it"),
    "blank title": (minimal(title='" "'), 1, "the title is empty", "Name the course"),
    "not a text": (minimal(sender="5"), 4, "sender is not a text", 'Write sender = "…"'),
    "NUL": (minimal(sender='"a\\u0000b"'), 4, "sender holds a NUL character", "Remove it"),
    "hour": (minimal(send_at='"7:00"'), 4, "send_at is '7:00'", HOUR),
    "late hour": (minimal(send_until='"24:00"'), 4, "send_until is '24:00'", HOUR),
    "an hour with a line end": (minimal(send_at='"07:00\\n"'), 4, "send_at is", HOUR),
    "a policy of its own": (minimal(on_unknown='"shrug"'), 4, "on_unknown is 'shrug'", 'Write "hold"'),
    "zone": (minimal(timezone='"Mars/Base"'), 2, "the time zone 'Mars/Base' is not known", "Write an IANA name"),
    "the machine's zone": (minimal(timezone='"localtime"'), 2, "is not known", "Write an IANA name"),
    "no weekday": (minimal(weekdays="[]"), 4, "weekdays are not readable", NAME_DAYS),
    "weekday in words": (minimal(weekdays='["monday"]'), 4, "weekdays are not readable", NAME_DAYS),
    "weekdays as text": (minimal(weekdays='"mon"'), 4, "weekdays are not readable", NAME_DAYS),
    "lists of weekdays": (minimal(weekdays='[["mon"]]'), 4, "weekdays are not readable", NAME_DAYS),
    "gaps as text": (minimal(gaps='"0, 3"'), 3, "gaps are not whole days from 0 to 365", LIST),
    "negative gap": (minimal(gaps="[0, -1]"), 3, "gaps are not whole days", LIST),
    "half a gap": (minimal(gaps="[0, 1.5]"), 3, "gaps are not whole days", LIST),
    "truth as a gap": (minimal(gaps="[0, true]"), 3, "gaps are not whole days", LIST),
    "more than a year": (minimal(gaps="[0, 366]"), 3, "gaps are not whole days", LIST),
    "two at once": (minimal(gaps="[0, 0]"), 3, "a gap of 0 days stands after", "Two lessons cannot"),
    "too few gaps": (minimal(gaps="[0]"), 3, "1 gaps for 2 lessons", "Give each lesson file its gap"),
    "too many gaps": (minimal(gaps="[0, 1, 2]"), 3, "3 gaps for 2 lessons", "Give each lesson file its gap"),
    "no address": (minimal(reply_to='"Ryan"'), 4, "reply_to is 'Ryan', which is no address", ADDRESS),
    "a name with it": (minimal(reply_to='"Ryan <r@x.test>"'), 4, "which is no address", ADDRESS),
    "a reader who is not there yet": (
        minimal(about='"Hi {{ first_name }}"'), 4, "{{ first_name }} has no meaning", "Only lessons know",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", FAULTS)
def test_each_fault_is_named_with_its_line_and_a_remedy(name: str) -> None:
    source, line, problem, remedy = FAULTS[name]
    [fault] = faults_of(source)
    assert (fault.file, fault.line) == (FILE, line)
    assert problem in fault.problem
    assert fault.remedy.startswith(remedy)


def test_all_faults_are_named_at_once() -> None:
    assert [fault.line for fault in faults_of(minimal(title="", send_at='"7"', x="1", timezone='"x"'))] == [4, 0, 1, 3]


@settings(max_examples=150, deadline=None)
@given(
    st.dictionaries(
        st.sampled_from([*asdict(TEXT), "x"]),
        st.recursive(
            st.integers(-1, 400)
            | st.booleans()
            | st.floats(0, 2)
            | st.sampled_from(["", "mon", "07:00", "UTC", "\\u0000"]),
            lambda inner: st.lists(inner, max_size=3),
            max_leaves=4,
        ),
    )
)
def test_any_values_are_a_course_or_have_faults(values: dict[str, object]) -> None:
    def toml(value: object) -> str:
        if isinstance(value, list):
            return f"[{', '.join(map(toml, value))}]"
        return f'"{value}"' if isinstance(value, str) else str(value).lower()

    source = "".join(f"{key} = {toml(value)}\n" for key, value in values.items())
    try:
        found: object = read(source)
    except BadFile as error:
        found = error.faults
    assert found
