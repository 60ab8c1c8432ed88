"""The one renderer: sending, preview and web view all compile their letters here.

A letter is compiled once per revision and variant, and cut at its slots (core/letter.py). Author text is Markdown
with a fixed list of placeholders; only our own files under `templates/mail` are templates.
"""

import logging
import re
from collections.abc import Callable, Mapping
from dataclasses import astuple, dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal

import css_inline
import inscriptis
from inscriptis.css_profiles import CSS_PROFILES
from inscriptis.model.config import ParserConfig
from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape
from markupsafe import Markup

from course.core import blocks, lesson_file, markup
from course.core.letter import Kind, Letter, Part, Slot, one_line
from course.core.placeholders import Nonces
from course.core.units import Units, said

Variant = Literal["mail", "web"]
REMEMBERED = 128  # letters: a lesson has up to five in mails, by the readers' units and numbers
RULE = "\u241f"  # marks a heading on its way to text; no author types it
TEXT_STYLE = ParserConfig(css=CSS_PROFILES["relaxed"], display_links=True, display_images=True)

logging.getLogger("inscriptis").setLevel(logging.WARNING)


@dataclass(frozen=True, slots=True)
class CourseFacts:
    """What every mail of a course says about the course. All plain text."""

    slug: str
    title: str
    sender: str  # the name in From
    sender_email: str
    reply_to: str
    postal_address: str
    disclaimer: str
    list_id: str  # "running.course.example"
    landing: str  # URL
    public_url: str = ""  # of the site; the lessons' own pictures are under it


class Composer:
    """Compiles letters from the templates in a folder; remembers the newest. Content is the key of that memory, so
    there is nothing to invalidate."""

    def __init__(self, templates: Path) -> None:
        self._templates = Environment(
            loader=FileSystemLoader(templates),
            autoescape=select_autoescape(["html"]),
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._inliner = css_inline.CSSInliner(
            keep_style_tags=True, keep_at_rules=True, load_remote_stylesheets=False, minify_css=True
        )
        self.lesson: Callable[..., Letter] = lru_cache(REMEMBERED)(self._lesson)
        self.service: Callable[[CourseFacts, str], Letter] = lru_cache(REMEMBERED)(self._service)

    def _lesson(
        self, course: CourseFacts, source: str, variant: Variant = "mail", units: Units = Units.BOTH, own: bool = False
    ) -> Letter:
        """The letter of a lesson, `source` being a lesson file. Its slots are those of core/placeholders.py. `units`
        are the reader's; `own`: blocks are slots, each to be filled with the reader's own. Else they are the sample
        runner's and part of the letter, the same for all."""
        source = said(source, units)
        text = lesson_file.parse(source)
        nonces = Nonces(source, *astuple(course))
        hidden = {key: nonces.hide(getattr(text, key)) for key in lesson_file.KEYS}
        body = markup.to_html(text.body, nonces, course.public_url)
        body_text = nonces.hide_in_text(text.text) or as_text(body)
        body_html = Markup(nonces.unwrapped(body))  # noqa: S704 (sanitised)
        context = {**hidden, "body_html": body_html, "body_text": body_text, "variant": variant}
        headers = {
            "List-Unsubscribe": f"<{nonces.standing_for('unsubscribe')}>",
            "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
            "List-Id": f"<{course.list_id}>",
        }
        letter = self._compiled("lesson", course, nonces, context, headers)
        if own:
            return letter
        made = blocks.sample(units)
        return replace(letter, text=letter.text.folded(made), html=letter.html.folded(made))

    def _service(self, course: CourseFacts, kind: str) -> Letter:
        """The letter of a service mail (`confirm`): no list headers, since nobody is on a list by it."""
        return self._compiled(kind, course, Nonces(kind, *astuple(course)), {"variant": "mail"}, {})

    def _compiled(
        self, kind: str, course: CourseFacts, nonces: Nonces, context: Mapping[str, Any], headers: Mapping[str, str]
    ) -> Letter:
        def rendered(file: str) -> str:
            template = self._templates.get_template(f"{kind}/{file}")
            return template.render(course=course, slot=nonces.standing_for, **context)

        def cut(text: str, slot_kind: Kind) -> Part:
            segments, names = nonces.split(text)
            return Part(tuple(segments), tuple(Slot(name, slot_kind, name in blocks.MAKERS) for name in names))

        return Letter(
            sender_name=course.sender,
            sender_email=course.sender_email,
            reply_to=course.reply_to,
            subject=cut(one_line(rendered("subject.txt")), Kind.LINE),
            text=cut(rendered("body.txt"), Kind.TEXT),
            html=cut(self._inliner.inline(rendered("body.html")), Kind.HTML),
            headers={name: cut(value, Kind.LINE) for name, value in headers.items()},
        )


def as_text(html: str) -> str:
    """The plain text of a lesson's body: headings underlined, links in brackets, tables in columns."""
    marked = re.sub(r"<h([2-4])>(.*?)</h\1>", lambda m: f"<h2>{RULE}{m[2]}</h2>", html, flags=re.DOTALL)
    text: str = inscriptis.get_text(f"<html><body>{marked}</body></html>", TEXT_STYLE)
    lines = "\n".join(line.rstrip() for line in text.splitlines())
    underlined = re.sub(rf"^{RULE}(.+)$", lambda m: f"{m[1]}\n{'-' * len(m[1])}", lines, flags=re.MULTILINE)
    return re.sub(r"\n{3,}", "\n\n", underlined).strip("\n")
