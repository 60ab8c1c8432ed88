"""An author's Markdown to safe HTML. CommonMark with tables, no raw HTML, links only where links may lead."""

from collections.abc import Iterator
from dataclasses import dataclass

import nh3
from markdown_it import MarkdownIt
from markdown_it.token import Token

from course.core.placeholders import Nonces

TAGS = {
    "a", "blockquote", "br", "code", "em", "h2", "h3", "h4", "hr", "img", "li", "ol", "p", "pre", "s", "strong",
    "table", "tbody", "td", "th", "thead", "tr", "ul",
}  # fmt: skip
ATTRIBUTES = {
    "a": {"href", "title"},
    "img": {"src", "alt", "title"},
    "ol": {"start"},
    "td": {"style"},
    "th": {"style"},
}
SCHEMES = {"http", "https", "mailto"}


class _Markdown(MarkdownIt):
    """Lets a placeholder for a URL be the target of a link, and no other placeholder."""

    def __init__(self, nonces: Nonces, *, permissive: bool = False) -> None:
        super().__init__("commonmark", {"html": False})
        self.enable(["table", "strikethrough"])
        self._nonces = nonces
        self._permissive = permissive

    def validateLink(self, url: str) -> bool:  # noqa: N802 (the library's name)
        if self._permissive:
            return True
        if self._nonces.names_in(url):
            return self._nonces.is_address(url)
        return super().validateLink(url)


def to_html(markdown: str, nonces: Nonces) -> str:
    """Sanitised HTML of a body; its placeholders come out as nonces. Headings begin at h2: h1 is the title."""
    html = _Markdown(nonces).render(nonces.hide(markdown))
    for level in (1, 5, 6):  # an author's "# Title" is a section here, and mail needs no h5
        new = 2 if level == 1 else 4
        html = html.replace(f"<h{level}>", f"<h{new}>").replace(f"</h{level}>", f"</h{new}>")
    return nh3.clean(
        html,
        tags=TAGS,
        attributes=ATTRIBUTES,
        url_schemes=SCHEMES,
        link_rel=None,
        filter_style_properties={"text-align"},
    )


@dataclass(frozen=True, slots=True)
class Target:
    """A link or an image as it was written. `line` counts from 1 within the body; `text` is its words or alt text."""

    line: int
    kind: str  # "link" | "image"
    url: str
    text: str


def targets(markdown: str, nonces: Nonces) -> Iterator[Target]:
    """Every link and image of a body, also those that `to_html` would refuse."""
    for block in _Markdown(nonces, permissive=True).parse(nonces.hide(markdown)):
        if block.type == "inline" and block.children:
            yield from _targets_of(block.children, (block.map or [0])[0] + 1)


def _targets_of(tokens: list[Token], line: int) -> Iterator[Target]:
    for index, token in enumerate(tokens):
        if token.type in {"softbreak", "hardbreak"}:
            line += 1
        elif token.type == "image":
            yield Target(line, "image", str(token.attrs["src"]), token.content)
        elif token.type == "link_open":
            words = "".join(t.content for t in _until_close(tokens[index + 1 :]))
            yield Target(line, "link", str(token.attrs["href"]), words)


def _until_close(tokens: list[Token]) -> Iterator[Token]:
    for token in tokens:
        if token.type == "link_close":
            return
        yield token
