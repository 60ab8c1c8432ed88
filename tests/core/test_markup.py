"""An author's Markdown comes out as HTML that can only show words, tables, pictures and links that lead somewhere."""

import re
from html.parser import HTMLParser

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from course.core import markup
from course.core.markup import Target
from course.core.placeholders import AUTHORS, Nonces


def html_of(markdown: str) -> str:
    return markup.to_html(markdown, Nonces(markdown))


class Seen(HTMLParser):
    """Every tag and attribute of a piece of HTML."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str]]] = []
        self.words = ""
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, {name: value or "" for name, value in attrs}))

    def handle_data(self, data: str) -> None:
        self.words += data


ATTACKS = [
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "<svg onload=alert(1)>",
    "<iframe src=https://x.test></iframe>",
    "<style>*{display:none}</style>",
    "<a href='javascript:alert(1)'>x</a>",
    "<form action=https://x.test><input name=p></form>",
    "<base href=https://x.test>",
    "<meta http-equiv=refresh content=0>",
    "<!-- --><b onmouseover=x>",
    "[x](javascript:alert(1))",
    "[x](JaVaScRiPt:alert(1))",
    "[x](java&#115;cript:alert(1))",
    "[x](&#x6A;avascript:alert(1))",
    "[x](data:text/html;base64,PHNjcmlwdD4=)",
    "[x](vbscript:msgbox)",
    "[x](file:///etc/passwd)",
    "[x](ftp://x.test)",
    "![x](javascript:alert(1))",
    "![x](data:image/svg+xml;base64,AAAA)",
    '[x](https://x.test "\\" onclick=alert(1) x=\\"")',
    '![" onerror="alert(1)](https://x.test/a.png)',
    "[x]: javascript:alert(1)\n\n[x]",
    "<javascript:alert(1)>",
    "[x](https://x.test\x00javascript:)",
    "`<script>`\n\n    <script>alert(1)</script>\n",
    "|<b>a</b>|b|\n|:-|-:|\n|<script>x</script>|y|\n",
    "[x](<javascript:alert(1)>)",
    "[![x](javascript:a)](javascript:b)",
    "&lt;script&gt;alert(1)&lt;/script&gt;",
    "<scr<script>ipt>alert(1)</scr</script>ipt>",
]


def assert_harmless(html: str) -> None:
    for tag, attributes in Seen(html).tags:
        assert tag in markup.TAGS
        assert set(attributes) <= markup.ATTRIBUTES.get(tag, set())
        for name in {"href", "src"} & set(attributes):
            assert re.match(r"(https?://|mailto:|[^:]*$)", attributes[name]), attributes[name]
        if "style" in attributes:
            assert re.fullmatch(r"text-align: ?(left|center|right);?", attributes["style"])


@pytest.mark.parametrize("attack", ATTACKS)
def test_nothing_that_runs_or_loads_comes_through(attack: str) -> None:
    assert_harmless(html_of(attack))


@settings(max_examples=150, deadline=None)
@given(
    st.lists(st.sampled_from(ATTACKS) | st.text(max_size=6) | st.sampled_from(list("[]()<>`|\n*_&;:\"'")), max_size=6)
)
def test_nothing_that_runs_comes_through_from_any_mixture(parts: list[str]) -> None:
    assert_harmless(html_of("".join(parts)))


def test_html_that_an_author_types_is_shown_as_typed() -> None:
    assert Seen(html_of("a <b>bold</b> word")).words.strip() == "a <b>bold</b> word"


def test_a_title_of_the_author_is_a_section_here() -> None:
    html = html_of("# One\n\n## Two\n\n### Three\n\n##### Five\n\n###### Six\n")
    assert [tag for tag, _ in Seen(html).tags] == ["h2", "h2", "h3", "h4", "h4"]


def test_tables_keep_their_columns_and_alignment() -> None:
    html = html_of("| a | b |\n|---|--:|\n| 1 | 2 |\n")
    assert [tag for tag, _ in Seen(html).tags] == ["table", "thead", "tr", "th", "th", "tbody", "tr", "td", "td"]
    assert [a["style"] for tag, a in Seen(html).tags if a] == ["text-align:right"] * 2


@pytest.mark.parametrize("url", ["https://doi.org/10.1/x?a=b&c=d", "http://x.test/", "mailto:a@x.test"])
def test_links_to_the_web_and_to_mailboxes_stay(url: str) -> None:
    assert [a["href"] for tag, a in Seen(html_of(f"[x]({url})")).tags if tag == "a"] == [url]


@pytest.mark.parametrize("name", [name for name, known in AUTHORS.items() if known.is_url])
def test_a_placeholder_for_an_address_may_be_the_target_of_a_link(name: str) -> None:
    text = f"[x]({{{{ {name} }}}})"
    nonces = Nonces(text)
    [(_, attributes)] = [found for found in Seen(markup.to_html(text, nonces)).tags if found[0] == "a"]
    assert attributes == {"href": nonces.standing_for(name)}


@pytest.mark.parametrize("name", [name for name, known in AUTHORS.items() if not known.is_url])
@pytest.mark.parametrize("url", ["{}", "https://x.test/{}", "javascript:{}", "https://{}.test", "mailto:{}@x.test"])
def test_no_other_placeholder_may_stand_in_a_target(name: str, url: str) -> None:
    html = html_of(f"[x]({url.format(f'{{{{ {name} }}}}')})")
    assert not [tag for tag, _ in Seen(html).tags if tag == "a"]


@pytest.mark.parametrize(
    "url",
    ["javascript:{{ course_page }}", "https://evil.test/?u={{ course_page }}", "{{ course_page }}{{ unsubscribe }}"],
)
def test_a_placeholder_for_an_address_is_the_whole_target_or_its_beginning(url: str) -> None:
    """Else a reader's own link would be told to another site, or lead nowhere."""
    assert not [tag for tag, _ in Seen(html_of(f"[x]({url})")).tags if tag == "a"]


def test_a_place_on_the_course_page_may_be_linked() -> None:
    text = "[x]({{ course_page }}#plan)"
    nonces = Nonces(text)
    assert f'href="{nonces.standing_for("course_page")}#plan"' in markup.to_html(text, nonces)


def test_every_link_and_image_is_found_with_its_line_also_those_that_are_refused() -> None:
    text = "one [a](https://x.test)\ntwo ![alt](b.png) [c](javascript:x)\n\n- three [d *e*](/f)\n"
    assert list(markup.targets(text, Nonces(text))) == [
        Target(1, "link", "https://x.test", "a"),
        Target(2, "image", "b.png", "alt"),
        Target(2, "link", "javascript:x", "c"),
        Target(4, "link", "/f", "d e"),
    ]


def test_links_in_a_table_are_found_on_their_row() -> None:
    text = "| a | b |\n|---|---|\n| 1 | 2 |\n| [x](http://x.test) | 2 |\n"
    assert [target.line for target in markup.targets(text, Nonces(text))] == [4]
