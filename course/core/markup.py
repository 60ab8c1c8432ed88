"""An author's Markdown to safe HTML. CommonMark with tables, no raw HTML, links only where links may lead."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import nh3
from markdown_it import MarkdownIt
from markdown_it.renderer import RendererHTML
from markdown_it.token import Token

from course.core.pictures import ADDRESS, MAIL_WIDTH
from course.core.placeholders import AUTHORS, Nonces

TAGS = {
    "a", "blockquote", "br", "code", "em", "h2", "h3", "h4", "hr", "img", "li", "ol", "p", "pre", "s", "strong",
    "table", "tbody", "td", "th", "thead", "tr", "ul",
}  # fmt: skip
ATTRIBUTES = {
    "a": {"href", "title"},
    "img": {"src", "alt", "title", "width"},
    "ol": {"start"},
    "td": {"style"},
    "th": {"style"},
}
SCHEMES = {"http", "https", "mailto"}


class _Markdown(MarkdownIt):
    """Lets a placeholder for a URL be the target of a link, and no other placeholder. The short address of one of our
    pictures becomes a whole one on `site`, and the picture says its width: Outlook for Windows knows no other limit."""

    def __init__(self, nonces: Nonces, *, site: str = "", permissive: bool = False) -> None:
        super().__init__("commonmark", {"html": False})
        self.enable(["table", "strikethrough"])
        self._nonces = nonces
        self._permissive = permissive
        self._site = site
        self.add_render_rule("image", _picture)

    def validateLink(self, url: str) -> bool:  # noqa: N802 (the library's name)
        if self._permissive:
            return True
        if self._nonces.names_in(url):
            return self._nonces.is_address(url)
        return super().validateLink(url)

    def normalizeLink(self, url: str) -> str:  # noqa: N802
        return self._site + url if ADDRESS.fullmatch(url) else super().normalizeLink(url)


def _picture(self: RendererHTML, tokens: Sequence[Token], at: int, options: Any, env: Any) -> str:
    found = ADDRESS.search(str(tokens[at].attrs["src"]))
    if found and found.end() == len(found.string):
        tokens[at].attrs["width"] = min(int(found["width"]), MAIL_WIDTH)
    return self.image(tokens, at, options, env)


def to_html(markdown: str, nonces: Nonces, site: str = "") -> str:
    """Sanitised HTML of a body; its placeholders come out as nonces. Headings begin at h2: h1 is the title. `site`
    is the URL that our own pictures are under."""
    html = _Markdown(nonces, site=site).render(nonces.hide(markdown, blocks=True))
    for level in (1, 5, 6):  # an author's "# Title" is a section here, and mail needs no h5
        new = 2 if level == 1 else 4
        html = html.replace(f"<h{level}>", f"<h{new}>").replace(f"</h{level}>", f"</h{new}>")
    clean = nh3.clean(
        html,
        tags=TAGS,
        attributes=ATTRIBUTES,
        url_schemes=SCHEMES,
        link_rel=None,
        filter_style_properties={"text-align"},
    )
    return nonces.blocks_alone(clean)


def misplaced_blocks(markdown: str, nonces: Nonces) -> Iterator[tuple[int, str]]:
    """(line, name) of each block that has no paragraph to itself. Lines count from 1 within the body."""
    before = ""
    for token in _Markdown(nonces, permissive=True).parse(nonces.hide(markdown, blocks=True)):
        names = nonces.names_in(token.content)
        alone = [token.content.strip()] == [*map(nonces.standing_for, names)]
        if before != "paragraph_open" or not alone:
            line = (token.map or [0])[0] + (2 if token.type == "fence" else 1)
            segments = nonces.split(token.content)[0]
            for name, segment in zip(names, segments, strict=False):
                line += segment.count("\n")
                if AUTHORS[name].is_block:
                    yield line, name
        before = "" if token.hidden else token.type


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
