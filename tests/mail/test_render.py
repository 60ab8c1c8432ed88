"""Letters as readers get them: compiled once, joined for each; nothing an author or a reader types becomes code."""

import re
from dataclasses import replace
from html.parser import HTMLParser

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from course.core.course_file import parse_again
from course.core.letter import Letter, Message, Values
from course.core.placeholders import AUTHORS, Nonces
from course.mail import mime
from course.mail.render import Composer, CourseFacts, as_text
from course.paths import shipped
from tests.factories import lesson_text

relaxed = settings(max_examples=40, deadline=None)
COMPOSER = Composer(shipped("templates") / "mail")
FACTS = CourseFacts(
    slug="running",
    title="Run & Lift",
    sender="Ryan <b> and Niraj",
    sender_email="coach@course.example",
    reply_to="",
    postal_address="1 Test Street & Co",
    disclaimer="Not a diagnosis; 2 < 3.",
    list_id="running.course.example",
    landing="https://course.example/courses/running",
)
VALUES = {
    "first_name": "Ann",
    "course_title": "Run & Lift",
    "lesson_number": "2",
    "lesson_count": "5",
    "course_page": "https://course.example/readers/PAGE",
    "view_in_browser": "https://course.example/lessons/READ",
    "unsubscribe": "https://course.example/unsubscriptions/LEAVE",
}
SHIPPED = {path.name: path.read_text() for path in sorted((shipped("lessons") / "running").glob("*.md"))}
HOSTILE = st.lists(
    st.text(max_size=4)
    | st.sampled_from(
        [
            "{{ unsubscribe }}",
            "{{ first_name }}",
            "{% x %}",
            "{{ 7*7 }}",
            "<script>",
            "</p>",
            '"',
            "'",
            "&",
            "\\",
            "%",
            "\r\n",
            "\n",
            "\x00",
            "\x85",
            "\u2028",
            "Bcc: x@y.test",
            "javascript:",
            "https://x.test",
            "*",
            "_",
            "`",
            "slot",
        ]
    ),
    max_size=6,
).map("".join)


def message(letter: Letter, **values: str) -> Message:
    return Message("0" * 32, "ann@runner.test", letter, Values(VALUES | values))


def lesson(body: str, **values: str) -> Message:
    """One lesson with this body."""
    return message(COMPOSER.lesson(FACTS, lesson_text("Week", body), "mail"), **values)


def confirmation(facts: CourseFacts = FACTS) -> Message:
    return Message(
        "0" * 32, "a@x.test", COMPOSER.service(facts, "confirm"), Values({"confirm_url": "https://c.test/T"})
    )


class Seen(HTMLParser):
    """What a mail program makes of the HTML part."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str]]] = []
        self.words: list[str] = []
        self.styles: list[str] = []
        self._inside = ""
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._inside = tag
        self.tags.append((tag, {name: value or "" for name, value in attrs}))

    def handle_endtag(self, tag: str) -> None:
        self._inside = ""

    def handle_data(self, data: str) -> None:
        (self.styles if self._inside == "style" else self.words).append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())

    def links(self) -> list[str]:
        return [attributes.get("href", "") for tag, attributes in self.tags if tag == "a"]


@pytest.fixture(params=SHIPPED)
def shipped_lesson(request: pytest.FixtureRequest) -> Message:
    course = parse_again((shipped("lessons") / "running" / "course.toml").read_text())
    facts = CourseFacts(
        "running", course.title, course.sender, "coach@course.example", course.reply_to, "1 Street, Town",
        course.disclaimer, "running.course.example", "https://course.example/courses/running",
    )  # fmt: skip
    return message(COMPOSER.lesson(facts, SHIPPED[request.param], "mail"))


def test_a_letter_is_compiled_once_for_all_who_get_this_revision() -> None:
    source = lesson_text("Once")
    letter = COMPOSER.lesson(FACTS, source, "mail")
    assert COMPOSER.lesson(FACTS, lesson_text("Once"), "mail") is letter
    assert COMPOSER.lesson(FACTS, source + " ", "mail") is not letter
    assert COMPOSER.lesson(FACTS, source, "web") is not letter
    assert COMPOSER.service(FACTS, "confirm") is COMPOSER.service(FACTS, "confirm")


def test_a_new_fact_about_the_course_is_in_the_next_mail() -> None:
    changed = CourseFacts(
        **{name: getattr(FACTS, name) for name in FACTS.__slots__} | {"postal_address": "2 New Street"}
    )
    assert "2 New Street" in message(COMPOSER.lesson(changed, lesson_text("Once"), "mail")).text


@pytest.mark.parametrize(
    "written",
    [
        "{{ 7*7 }}",
        "{% for x in y %}",
        "{{ config }}",
        "{# note #}",
        "{{ self._TemplateReference__context }}",
        "{%- raw -%}",
    ],
)
def test_an_author_writes_text_and_no_template(written: str) -> None:
    mail = lesson(f"Hi {written} there.\n")
    assert written in mail.text
    assert written in Seen(mail.html).text
    mail = message(COMPOSER.lesson(FACTS, lesson_text(written, "Body."), "mail"))
    assert mail.subject == f"About {written}"


@relaxed
@given(HOSTILE)
def test_a_readers_name_is_text_in_every_part_and_never_expanded(name: str) -> None:
    written = "Hi {{ first_name }}, *{{ first_name }}* and `{{ first_name }}`.\n"
    mail, plain = lesson(written, first_name=name), lesson(written, first_name="X")
    assert mail.text == plain.text.replace("X", name)
    assert [tag for tag, _ in Seen(mail.html).tags] == [tag for tag, _ in Seen(plain.html).tags]
    assert Seen(mail.html).links() == Seen(plain.html).links()


@relaxed
@given(HOSTILE, HOSTILE)
def test_whatever_is_typed_the_headers_are_one_line_each(name: str, title: str) -> None:
    source = lesson_text("Week").replace('"About Week"', '"{{ first_name }}, {{ course_title }}"')
    mail = message(COMPOSER.lesson(FACTS, source, "mail"), first_name=name, course_title=title)
    assert mail.subject.isprintable()
    assert all(value.isprintable() for value in mail.headers.values())
    head, _, _ = mime.mail(mail).partition(b"\r\n\r\n")
    names = [line.partition(b":")[0] for line in head.split(b"\r\n") if not line.startswith(b" ")]
    assert sorted(names) == sorted(
        [*map(str.encode, mail.headers), b"From", b"To", b"Subject", b"Message-ID", b"MIME-Version", b"Content-Type"]
    )


@relaxed
@given(HOSTILE.filter(str.strip))
def test_the_words_about_a_course_are_text_in_its_mails(words: str) -> None:
    facts = CourseFacts(
        "running", words, words, "c@x.test", "", words, words, "running.x.test", "https://x.test/courses/r"
    )
    for hostile, plain in (
        (
            message(COMPOSER.lesson(facts, lesson_text("Week"), "mail")),
            lesson("Hi {{ first_name }}, see [your page]({{ course_page }}).\n"),
        ),
        (confirmation(facts), confirmation()),
    ):
        assert [tag for tag, _ in Seen(hostile.html).tags] == [tag for tag, _ in Seen(plain.html).tags]
        assert Seen(hostile.html).links() == Seen(plain.html).links()
        assert words.split()[0] in hostile.text
        assert hostile.subject.isprintable()


def test_words_that_look_like_what_stands_for_a_placeholder_stay_words() -> None:
    """Whoever knows how slots are hidden can write one, in a lesson or in a course's title."""
    forged = Nonces("").standing_for("unsubscribe")
    assert f"press {forged} now" in lesson(f"press {forged} now\n").text
    facts = CourseFacts("r", forged, "S", "c@x.test", "", "", "", "r.x.test", "https://x.test")
    assert confirmation(facts).subject == f"Confirm your place: {forged}"
    source = lesson_text("Week", "Body.")
    forged = Nonces(source, "r", forged).standing_for("unsubscribe")
    assert forged in message(COMPOSER.lesson(FACTS, source + forged, "mail")).text


@pytest.mark.parametrize(
    "target",
    [
        "javascript:alert(1)",
        "data:text/html,x",
        "{{ first_name }}",
        "https://{{ first_name }}.test",
        "vbscript:x",
        "file:///etc",
    ],
)
def test_such_a_target_never_becomes_a_link(target: str) -> None:
    mail = lesson(f"[press here]({target})\n", first_name="javascript:alert(1)")
    assert not [href for href in Seen(mail.html).links() if not href.startswith("https://course.example/")]
    assert "press here" in mail.text


def test_authors_may_link_to_the_readers_own_page() -> None:
    mail = lesson("See [your page]({{ course_page }}) or go to {{ course_page }}.\n")
    assert Seen(mail.html).links().count(VALUES["course_page"]) == 2  # the author's, and the one at the foot
    assert f"your page ({VALUES['course_page']})" in mail.text or f"[your page]({VALUES['course_page']})" in mail.text
    assert f"or go to {VALUES['course_page']}." in mail.text


def test_every_placeholder_works_in_the_subject_the_title_and_the_preview() -> None:
    every = " ".join(f"{{{{ {name} }}}}" for name, known in AUTHORS.items() if not known.is_block)
    source = f'+++\ntitle = "T {every}"\nsubject = "S {every}"\npreview = "P {every}"\n+++\nBody.\n'
    mail, said = message(COMPOSER.lesson(FACTS, source, "mail")), " ".join(VALUES.values())
    assert mail.subject == f"S {said}"
    assert f"T {said}" in mail.text
    assert f"T {said}" in Seen(mail.html).text
    assert f"P {said}" in Seen(mail.html).text


def test_the_way_out_is_in_both_parts_and_in_the_headers_once(shipped_lesson: Message) -> None:
    link = VALUES["unsubscribe"]
    assert shipped_lesson.text.count(link) == 1
    assert Seen(shipped_lesson.html).links().count(link) == 1
    assert shipped_lesson.headers == {
        "List-Unsubscribe": f"<{link}>",
        "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
        "List-Id": "<running.course.example>",
    }
    head, _, _ = mime.mail(shipped_lesson).partition(b"\r\n\r\n")
    assert head.count(b"\r\nList-Unsubscribe: ") == 1
    assert head.count(b"\r\nList-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n") == 1


def test_the_confirmation_is_no_list_mail_and_says_nothing_that_a_stranger_typed() -> None:
    letter = COMPOSER.service(FACTS, "confirm")
    assert letter.headers == {}
    assert b"List-" not in mime.mail(confirmation())
    slots = {slot.name for part in (letter.subject, letter.text, letter.html) for slot in part.slots}
    assert slots == {"confirm_url"}


def test_the_confirmation_has_its_link_in_both_parts() -> None:
    mail = confirmation()
    assert mail.subject == "Confirm your place: Run & Lift"
    assert mail.text.count("https://c.test/T") == 1
    assert Seen(mail.html).links() == ["https://c.test/T"]
    assert Seen(mail.html).text.count("https://c.test/T") == 1  # for those whose button does not work


def test_both_parts_say_which_lesson_of_how_many(shipped_lesson: Message) -> None:
    assert "Lesson 2 of 5" in shipped_lesson.text
    assert "Lesson 2 of 5" in Seen(shipped_lesson.html).text


def test_a_mail_loads_nothing_from_anywhere(shipped_lesson: Message) -> None:
    for mail in (shipped_lesson, confirmation()):
        seen = Seen(mail.html)
        assert {tag for tag, _ in seen.tags} & {
            "img",
            "link",
            "script",
            "iframe",
            "object",
            "embed",
            "video",
            "form",
        } == set()
        for tag, attributes in seen.tags:
            assert not {"src", "srcset", "background", "data", "poster", "ping"} & set(attributes)
            assert tag == "a" or "href" not in attributes
            assert "url(" not in attributes.get("style", "")
        assert not re.search(r"url\(|@import|@font-face|expression\(", "".join(seen.styles))


def test_no_mail_program_cuts_a_shipped_lesson_off(shipped_lesson: Message) -> None:
    assert len(shipped_lesson.html.encode()) < 80_000  # Gmail: 102 KB
    assert len(mime.mail(shipped_lesson)) < 102_000
    assert shipped_lesson.html.rstrip().endswith("</html>")


def test_each_style_block_is_small_enough_for_gmail(shipped_lesson: Message) -> None:
    blocks = re.findall(r"<style>(.*?)</style>", shipped_lesson.html, re.DOTALL)
    assert len(blocks) >= 3
    assert max(len(block.encode()) for block in blocks) < 8192


def test_styles_are_inlined_and_the_dark_and_narrow_rules_stay(shipped_lesson: Message) -> None:
    seen = Seen(shipped_lesson.html)
    styles = "".join(seen.styles)
    assert re.search(r"@media \(prefers-color-scheme: ?dark\)", styles)
    assert re.search(r"@media \(max-width: ?480px\)", styles)
    [sheet] = [attributes for _, attributes in seen.tags if "sheet" in attributes.get("class", "").split()]
    assert "background-color" in sheet["style"]
    dark = styles[styles.index("prefers-color-scheme") :]
    used = {name for _, attributes in seen.tags for name in attributes.get("class", "").split()}
    assert {"page", "sheet", "quiet", "foot"} <= used & set(re.findall(r"\.([a-z]+)", dark))
    assert dark.count("!important") >= 10  # else the inlined colours win


def test_there_is_a_heading_for_each_section_and_one_title(shipped_lesson: Message) -> None:
    tags = [tag for tag, _ in Seen(shipped_lesson.html).tags]
    assert tags.count("h1") == 1
    assert tags.count("h2") >= 5
    assert tags.count("table") >= 1


def test_the_text_part_is_text(shipped_lesson: Message) -> None:
    text = shipped_lesson.text
    assert not re.search(r"</?[a-z][^>]*>|&[a-z]+;|&#|\{\{|slot[0-9a-f]{12}|␟", text)
    assert "\t" not in text
    assert "\xa0" not in text
    assert not re.search(r"\n{4,}|[ \t]+\n", text)
    assert text.isascii() or text.encode("utf-8")


def test_headings_are_underlined_and_links_stand_beside_their_words(shipped_lesson: Message) -> None:
    assert re.search(r"^The short answer\n----------------$", shipped_lesson.text, re.MULTILINE)
    assert VALUES["course_page"] in shipped_lesson.text


def test_the_text_part_has_the_words_of_the_html_part() -> None:
    mail = lesson(
        "## A & B\n\n> said *so*\n\n- one\n- two\n\n1. first\n\n| a | b |\n|---|---|\n| 1 | <2 |\n\n`code < 1`\n"
    )
    for words in ("A & B\n-----", "said so", "one", "two", "first", "<2", "code < 1"):
        assert words in mail.text
    assert "## " not in mail.text


def test_tables_stand_in_columns() -> None:
    text = as_text("<table><tr><th>Move</th><th>Sets</th></tr><tr><td>Squat</td><td>2</td></tr></table>")
    assert [line.index(word) for line, word in zip(text.splitlines(), ("Sets", "2"), strict=True)] == [7, 7]


def test_an_image_is_said_in_words_in_the_text_part() -> None:
    mail = lesson("![a runner on a step](https://x.test/a.png)\n")
    assert "a runner on a step" in mail.text


def test_on_the_web_a_lesson_has_none_of_the_readers_own_links() -> None:
    letter = COMPOSER.lesson(FACTS, lesson_text("Week", "Hi {{ first_name }}.\n"), "web")
    slots = {slot.name for slot in letter.html.slots}
    assert slots == {"first_name", "lesson_number", "lesson_count", "course_page"}
    html = letter.html.join(Values(VALUES))
    assert '<meta name="robots" content="noindex">' in html
    assert '<meta name="referrer" content="no-referrer">' in html
    assert "preheader" not in re.sub(r"<style>.*?</style>", "", html, flags=re.DOTALL)


def test_a_mail_tells_no_crawler_anything_and_has_its_preview_first() -> None:
    html = lesson("Body.").html
    assert "noindex" not in html
    assert Seen(html).text.index("Short.") < Seen(html).text.index("Lesson 2 of 5")


def test_facts_of_the_course_stand_at_the_foot_as_they_were_written() -> None:
    mail = lesson("Body.")
    for words in (FACTS.disclaimer, FACTS.postal_address, f"you signed up for {FACTS.title}, by {FACTS.sender}"):
        assert words in mail.text
        assert words in Seen(mail.html).text


def test_without_a_postal_address_and_disclaimer_no_empty_line_is_left() -> None:
    bare = CourseFacts("running", "T", "S", "c@x.test", "", "", "", "running.x.test", "https://x.test/courses/r")
    mail = message(COMPOSER.lesson(bare, lesson_text("Week", "Body."), "mail"))
    assert "\n\n\n" not in mail.text
    assert "<p></p>" not in re.sub(r"<p[^>]*>", "<p>", mail.html)


def test_a_text_part_by_hand_stands_where_the_derived_one_would() -> None:
    source = lesson_text("Week", "Words of the body.\n").replace(
        "+++\nWords", 'text = """\nBy hand, {{ first_name }}:\n  {{ course_page }}\n"""\n+++\nWords'
    )
    mail = message(COMPOSER.lesson(FACTS, source, "mail"), first_name="Ann")
    assert f"By hand, Ann:\n  {VALUES['course_page']}\n" in mail.text
    assert "Words of the body" not in mail.text
    assert "Words of the body" in mail.html
    assert mail.text.count(VALUES["unsubscribe"]) == 1


def test_our_pictures_get_a_whole_address_and_a_width_that_outlook_keeps() -> None:
    small, large = f"/pictures/{'a' * 32}-300.png", f"/pictures/{'b' * 32}-1600.jpg"
    facts = replace(FACTS, public_url="https://course.example")
    body = f'![knee]({small}) ![hip]({large}) ![far](https://x.test{small}x)\n\n`src="{small}"`\n'
    mail = message(COMPOSER.lesson(facts, lesson_text("Week", body), "mail"))
    assert f'src="https://course.example{small}"' in mail.html
    assert re.findall(r'<img[^>]* width="(\d+)"', mail.html) == ["300", "528"]
    assert f'src="{small}"</code>' in mail.html.replace("&quot;", '"')
    assert "[knee]" in mail.text
