"""Lesson files: what is read, what is refused, and with which words."""

from dataclasses import replace

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from course.core import lesson_file
from course.core.errors import BadFile, Fault
from course.core.lesson_file import KEYS, LessonText
from course.core.placeholders import AUTHORS, Nonces

relaxed = settings(max_examples=80, deadline=None)
FILE = "running/01-start.md"
FRONT = '+++\ntitle = "Start"\nsubject = "Hello"\n+++\n'
FULL = LessonText("Start", "Hello", "Short.", "What it is.", "Do it.", "How was it?", "Hi {{ first_name }},\n\ngo.\n")

# Any text that a front matter can hold in one line: no NUL, no half surrogates, blanks already folded.
words = st.text(st.characters(exclude_characters="\x00", exclude_categories=["Cs"]), max_size=30).map(
    lambda text: " ".join(text.split())
)
needed = words.filter(bool)
bodies = st.text(
    st.sampled_from("\n\r\t +#|`\\\"'{}x\u2028\x0b\x85")
    | st.characters(exclude_characters="\x00", exclude_categories=["Cs"]),
    min_size=1,
).filter(str.strip)
by_hand = st.text(
    st.sampled_from("\n\t +\"\\'{}x\u2028\x85") | st.characters(exclude_characters="\x00\r", exclude_categories=["Cs"]),
    max_size=60,
).map(lambda text: text.strip("\n") if text.strip() else "")
lessons = st.builds(LessonText, needed, needed, words, words, words, words, bodies, by_hand)


@relaxed
@given(lessons)
@example(replace(FULL, title="beyond \U000e0001 the first plane, \ue000 private, \x01 control"))
@example(replace(FULL, body="+++\nlooks like the end\n+++\n"))
@example(replace(FULL, body='title = "no"\r\n\r\nlines of Windows\r\n'))
@example(replace(FULL, text='Hi,\n\n +++ \n""""six""" \\ {{ first_name }} "'))
def test_what_is_dumped_is_parsed_to_the_same_lesson(lesson: LessonText) -> None:
    assert lesson_file.parse(lesson_file.dump(lesson)) == lesson


@relaxed
@given(lessons)
def test_dumping_a_parsed_dump_changes_no_byte(lesson: LessonText) -> None:
    dumped = lesson_file.dump(lesson)
    assert lesson_file.dump(lesson_file.parse(dumped)) == dumped


@settings(max_examples=200, deadline=None)
@given(
    st.lists(
        st.sampled_from(
            [
                "+++",
                "\n",
                "\r\n",
                '"',
                "'",
                "title",
                "subject",
                " = ",
                '"x"',
                "[",
                "]",
                "{{ first_name }}",
                "{{ x }}",
                "[a](b)",
                "[a](http://[)",
                "![](c.png)",
                "\x00",
                "\ufeff",
                "words",
                "'''",
                "1979-05-27",
                "\u2028",
            ]
        )
        | st.text(max_size=4),
        max_size=20,
    ).map("".join)
)
def test_any_file_is_a_lesson_or_has_faults_and_checking_never_fails(source: str) -> None:
    try:
        lesson_file.parse(source, FILE)
        hard = []
    except BadFile as error:
        hard = error.faults
    assert not hard or hard == lesson_file.check(source, FILE)
    for fault in lesson_file.check(source, FILE):
        assert fault.file == FILE
        assert 0 <= fault.line <= len(source.splitlines()) + 1
        assert fault.problem
        assert fault.remedy


def test_a_whole_file() -> None:
    source = (
        '+++\ntitle = "Start"\nsubject = "Hello"\npreview = "Short."\nsummary = "What it is."\naction = "Do it."\n'
        'question = "How was it?"\n+++\nHi {{ first_name }},\n\ngo.\n'
    )
    assert lesson_file.parse(source) == FULL
    assert lesson_file.dump(FULL) == source
    assert lesson_file.check(source, FILE) == []


@pytest.mark.parametrize(
    "source",
    [
        FRONT + "Body.\n",
        "\ufeff" + FRONT + "Body.\n",
        FRONT.replace("\n", "\r\n") + "Body.\r\n",
        FRONT.replace('"Start"', "'Start'") + "Body.",
        FRONT.replace('"Start"', '"""\\\n   Start"""') + "Body.",
        FRONT.replace("+++\n", "+++ \n") + "Body.",
    ],
)
def test_other_ways_to_write_a_file_are_read(source: str) -> None:
    found = lesson_file.parse(source)
    assert (found.title, found.subject, found.body.strip()) == ("Start", "Hello", "Body.")


def test_a_value_over_several_lines_becomes_one_line() -> None:
    found = lesson_file.parse('+++\ntitle = """\nStart\n  here"""\nsubject = "a\\r\\nBcc: x"\n+++\nBody.')
    assert (found.title, found.subject) == ("Start here", "a Bcc: x")


def test_the_digest_names_the_bytes_of_a_file() -> None:
    """Golden: digests are kept in the database and compared after years."""
    assert lesson_file.digest(FRONT) == "fff0b3357125fdca43d27a17555afb58dcc8ddfd079f58ae2f66d47df62812b8"
    assert lesson_file.digest(FRONT) != lesson_file.digest(FRONT.replace("\n", "\r\n"))


FAULTS = {
    "no front matter": ("Hi\n", 1, "the file does not begin with front matter", 'Put "+++" on the first line'),
    "empty": ("", 1, "the file does not begin with front matter", 'Put "+++" on the first line'),
    "front matter without end": ('+++\ntitle = "x"\n', 1, "the front matter has no end", 'Close it with a line "+++"'),
    "no TOML": (
        '+++\ntitle = "x"\nsubject: y\n+++\nBody.\n', 3, "the front matter is no TOML: ", 'Write key = "text"',
    ),
    "a key twice": (
        '+++\ntitle = "x"\ntitle = "y"\nsubject = "z"\n+++\nBody.\n', 3, "Cannot overwrite", 'Write key = "text"',
    ),
    "unknown key": (
        '+++\ntitle = "x"\nsubject = "y"\nsubjekt = "z"\n+++\nBody.\n', 4, '"subjekt" is not known here',
        "Known are title, subject, preview, summary, action, question",
    ),
    "not a text": (
        '+++\ntitle = "x"\nsubject = 5\n+++\nBody.\n', 3, "subject is not a text",
        'Write subject = "…" with quotation marks',
    ),
    "title missing": (
        '+++\nsubject = "x"\n+++\nBody.\n', 1, "the title is missing", 'Add title = "…" to the front matter',
    ),
    "subject blank": (
        '+++\ntitle = "x"\nsubject = "  "\n+++\nBody.\n', 3, "the subject is missing",
        'Add subject = "…" to the front matter',
    ),
    "subject too long": (
        f'+++\ntitle = "x"\nsubject = "{"y" * 201}"\n+++\nBody.\n', 3, "the subject is over 200", "Shorten it",
    ),
    "NUL in a value": ('+++\ntitle = "x"\nsubject = "a\\u0000b"\n+++\nBody.\n', 3, "a NUL character", "Remove it"),
    "NUL in the body": (FRONT + "one\ntwo \x00\n", 6, "a NUL character", "Remove it"),
    "no body": (FRONT + "\n \n", 5, "the lesson has no text", "Write it below the front matter"),
    "a slip in a placeholder": (
        FRONT + "Hi\n\n{{ firstname }}\n", 7, "{{ firstname }} is no placeholder", "Did you mean {{ first_name }}?",
    ),
    "an unknown placeholder": (
        FRONT + "{{ qqq }}\n", 5, "{{ qqq }} is no placeholder", f"Known are {', '.join(AUTHORS)}",
    ),
    "a slip in the subject": (
        '+++\ntitle = "x"\nsubject = "Hi {{ first_nam }}"\n+++\nBody.\n', 3, "{{ first_nam }} is no placeholder",
        "Did you mean {{ first_name }}?",
    ),
    "a quantity that is none": (
        FRONT + "a\n{{ 10 kms }}\n", 6, "{{ 10 kms }} is no quantity", "Write it like {{ 10 km }}, {{ 8-10 km }}",
    ),
    "a range that goes down": (FRONT + "{{ 10-8 km }}\n", 5, "{{ 10-8 km }} is no quantity", "Write it like"),
    "a block in the subject": (
        '+++\ntitle = "x"\nsubject = "{{ plan_table }}"\n+++\nBody.\n', 3, "{{ plan_table }} cannot stand in the su",
        "Put it into the text, on a line by itself",
    ),
    "a block between words": (
        FRONT + "a\n\nb\nc {{ fueling }}\n", 8, "{{ fueling }} is a table", "Put it into the text, on a line by itself",
    ),
    "a block right below words": (FRONT + "a\n{{ fueling }}\n", 6, "{{ fueling }} is a table", "Put it"),
    "a block in a list": (FRONT + "- a\n- {{ fueling }}\n", 6, "{{ fueling }} is a table", "Put it"),
    "a block in a table": (
        FRONT + "| a |\n|---|\n| {{ fueling }} |\n", 7, "{{ fueling }} is a table", "Put it",
    ),
    "a block as code": (FRONT + "a\n\n```\n{{ fueling }}\n```\n", 8, "{{ fueling }} is a table", "Put it"),
    "a block as a heading": (FRONT + "a\n\n## {{ fueling }}\n", 7, "{{ fueling }} is a table", "Put it"),
    "a block between words of a text by hand": (
        '+++\ntitle = "x"\nsubject = "x"\ntext = """\na {{ fueling }}\n"""\n+++\nBody.\n', 4,
        "{{ fueling }} is a table", "Put it",
    ),
    "an image without words": (
        FRONT + "a\n\n![](https://x.test/a.png)\n", 7, "an image has no alt text",
        "Say in the brackets what it shows: ![words](address)",
    ),
    "a link to nowhere": (FRONT + "one\n[a](plan.md)\n", 6, "the link 'plan.md' leads nowhere", "Write it in full"),
    "a link that runs": (FRONT + "[a](javascript:x)\n", 5, "the link 'javascript:x' leads nowhere", "Write it in full"),
    "a link without a site": (FRONT + "[a](https:///b)\n", 5, "names no site", "Write it in full"),
    "a mailbox without one": (FRONT + "[a](mailto:ann)\n", 5, "names no address", "Write it in full"),
    "a name as a link": (
        FRONT + "[a]({{ first_name }})\n", 5, "{{ first_name }} is no address", "Write it in full",
    ),
    "a link told to another site": (
        FRONT + "[a](https://x.test/?u={{ course_page }})\n", 5, "{{ course_page }} is a whole", "Write it in full",
    ),
    "a link in a list": (FRONT + "- a\n- b\n- [c](d)\n", 7, "the link 'd' leads nowhere", "Write it in full"),
}  # fmt: skip


@pytest.mark.parametrize("name", FAULTS)
def test_each_fault_is_named_with_its_line_and_a_remedy(name: str) -> None:
    source, line, problem, remedy = FAULTS[name]
    [fault] = lesson_file.check(source, FILE)
    assert fault.line == line
    assert problem in fault.problem
    assert fault.remedy.startswith(remedy)
    assert str(fault) == f"{FILE}:{line}: {fault.problem}. {fault.remedy}"


def test_all_faults_are_named_at_once_in_order() -> None:
    source = '+++\nsubject = "{{ nme }}"\ntitel = "x"\nsummary = 1\n+++\n\n'
    faults = lesson_file.check(source, FILE)
    assert [(fault.line, fault.problem.split()[0]) for fault in faults] == [
        (1, "the"),
        (3, '"titel"'),
        (4, "summary"),
        (6, "the"),
    ]
    soft = lesson_file.check(FRONT + "{{ nme }}\n[a](b)\n{{ xyz }}\n", FILE)
    assert [fault.line for fault in soft] == [5, 6, 7]


def test_what_only_readers_would_meet_does_not_stop_an_import() -> None:
    source = FRONT + "{{ nme }} [a](b) ![](https://x.test/a.png)\n"
    assert lesson_file.parse(source)
    assert len(lesson_file.check(source, FILE)) == 3


@pytest.mark.parametrize("name", [name for name, known in AUTHORS.items() if known.is_url])
def test_links_to_the_readers_own_pages_are_no_fault(name: str) -> None:
    assert lesson_file.check(FRONT + f"[x]({{{{ {name} }}}})\n", FILE) == []


def test_a_link_that_no_browser_could_read_is_a_fault() -> None:
    assert lesson_file.link_problem("http://[x", Nonces("")) == "the link 'http://[x' cannot be read"


@pytest.mark.parametrize("name", [name for name, known in AUTHORS.items() if known.is_block])
def test_a_block_may_stand_in_a_paragraph_of_its_own_and_on_a_line_of_a_text_by_hand(name: str) -> None:
    alone = f"{{{{ {name} }}}}"
    body = f"Words\n\n{alone}\n\n> {alone}\n\n- a\n\n  {{{{{name}}}}}\n"
    source = f'+++\ntitle = "x"\nsubject = "x"\ntext = """\nWords\n {alone}\n"""\n+++\n{body}'
    assert lesson_file.check(source, FILE) == []


@pytest.mark.parametrize("written", ["10 km", "10km", "8-10 mi", "7:00/km", "250 mL", "1.5 kg"])
def test_a_quantity_may_stand_wherever_there_are_words(written: str) -> None:
    source = f'+++\ntitle = "x"\nsubject = "{{{{ {written} }}}}"\n+++\n| a |\n|---|\n| {{{{ {written} }}}} |\n'
    assert lesson_file.check(source, FILE) == []


@pytest.mark.parametrize("name", [name for name, known in AUTHORS.items() if not known.is_block])
def test_every_placeholder_of_the_list_may_stand_in_text_and_subject(name: str) -> None:
    source = f'+++\ntitle = "x"\nsubject = "{{{{ {name} }}}}"\n+++\n{{{{{name}}}}}\n'
    assert lesson_file.check(source, FILE) == []


@pytest.mark.parametrize(
    ("name", "slug"), [("01-start.md", "start"), ("10-a-b-2.md", "a-b-2"), ("100-x.md", "x"), ("00-0.md", "0")]
)
def test_a_name_gives_order_and_slug(name: str, slug: str) -> None:
    found = lesson_file.NAME.fullmatch(name)
    assert found is not None
    assert found[2] == slug


@pytest.mark.parametrize(
    "name",
    [
        "1-a.md",
        "start.md",
        "01_start.md",
        "01-Start.md",
        "01-.md",
        "01--a.md",
        "01-a-.md",
        "01-ä.md",
        "01-a.txt",
        "01-a.md\n",
        "README.md",
    ],
)
def test_a_name_without_order_or_with_other_characters_is_none(name: str) -> None:
    assert lesson_file.NAME.fullmatch(name) is None


def test_a_fault_of_a_whole_file_has_no_line() -> None:
    assert str(Fault("a.md", 0, "the name says no order", "Rename it")) == "a.md: the name says no order. Rename it"


def test_keys_of_the_front_matter_are_all_but_the_body() -> None:
    assert KEYS == ("title", "subject", "preview", "summary", "action", "question")


def test_a_text_part_by_hand_is_kept_as_it_was_written_and_reads_well_in_the_file() -> None:
    text = 'Hi {{ first_name }},\n\n  "keep" C:\\runs\n+++\nBye'
    source = lesson_file.dump(replace(FULL, text=text))
    assert 'text = """\nHi {{ first_name }},\n\n  "keep" C:\\\\runs\n\\u002B++\nBye\n"""\n+++\n' in source
    assert lesson_file.parse(source).text == text
    assert lesson_file.parse(source.replace("\n", "\r\n").replace("+++\r\n", "+++\n")).text == text


def test_a_slip_in_a_text_part_by_hand_is_found_on_its_line() -> None:
    source = lesson_file.dump(replace(FULL, text="one\ntwo {{ firstname }}"))
    [fault] = lesson_file.check(source, FILE)
    assert source.splitlines()[fault.line - 1] == "two {{ firstname }}"


def test_a_draft_may_lack_everything() -> None:
    empty = LessonText("", "", "", "", "", "", "")
    assert lesson_file.parse_draft(lesson_file.dump(empty)) == empty
    with pytest.raises(BadFile):
        lesson_file.parse_draft("no lesson file")


@pytest.mark.parametrize("url", [f"/pictures/{'a' * 32}-640.png", f"/pictures/{'0' * 32}-1600.jpg"])
def test_the_short_address_of_a_picture_is_no_fault(url: str) -> None:
    assert lesson_file.check(FRONT + f"![a knee]({url})\n", FILE) == []


@pytest.mark.parametrize(
    "url", ["/pictures/a.png", f"/pictures/{'a' * 32}-640.svg", f"/pictures/{'a' * 32}-640.png?x", "/pictures/../x.png"]
)
def test_what_only_looks_like_one_is(url: str) -> None:
    assert "leads nowhere" in lesson_file.check(FRONT + f"![a knee]({url})\n", FILE)[0].problem
