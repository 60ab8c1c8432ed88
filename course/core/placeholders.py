"""The placeholders that an author may write: `{{ first_name }}`. A fixed list, replaced literally, in one pass."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from difflib import get_close_matches
from hashlib import sha256

# Words between blanks between braces. Nothing in it is tried twice, so a text of blanks takes no time.
WRITTEN = re.compile(r"\{\{[ \t]*+([^{} \t\n]*+(?:[ \t]++[^{} \t\n]++)*+)[ \t]*+\}\}")
ALONE = re.compile(rf"^[ \t]*+{WRITTEN.pattern}[ \t]*+$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Placeholder:
    meaning: str
    is_url: bool = False  # may be the target of a link
    is_block: bool = False  # a table of its own (core/blocks.py): stands on a line by itself


AUTHORS: dict[str, Placeholder] = {
    "first_name": Placeholder("the reader's first name, or the course's fallback for it"),
    "course_title": Placeholder("the title of the course"),
    "lesson_number": Placeholder("this lesson's place in the course, as a numeral"),
    "lesson_count": Placeholder("how many lessons the course has, as a numeral"),
    "course_page": Placeholder("the address of the reader's own course page", is_url=True),
    "view_in_browser": Placeholder("the address of this lesson as a web page", is_url=True),
    "unsubscribe": Placeholder("the address of the page to leave the course", is_url=True),
    "plan_table": Placeholder("a table: the next eight weeks, from the reader's own distances", is_block=True),
    "week_layout": Placeholder("a table: this week day by day, runs and strength", is_block=True),
    "strength_slots": Placeholder("a table: the two days that suit strength best", is_block=True),
    "fueling": Placeholder("a table: food and fluid for a day, before and after a run, by body weight", is_block=True),
    "fuel_per_hour": Placeholder("a table: food and fluid on the run, by its length", is_block=True),
}


def closest(name: str) -> str | None:
    """The placeholder that was probably meant."""
    return next(iter(get_close_matches(name.lower(), AUTHORS, n=1)), None)


def blocks_between_words(text: str) -> list[str]:
    """The blocks in a plain text that have no line to themselves."""
    return [m[1] for m in WRITTEN.finditer(ALONE.sub("", text)) if m[1] in AUTHORS and AUTHORS[m[1]].is_block]


class Nonces:
    """Stand-ins for placeholders while a text goes through Markdown, sanitiser and inliner.

    Alphanumeric, so that nothing on the way touches them, and absent from every text they are made for. The pattern
    has an end mark, so that one is never the beginning of another.
    """

    def __init__(self, *texts: str) -> None:
        everything = "\n".join(texts)
        self.stem = next(stem for stem in _stems(everything) if stem not in everything)
        self.pattern = re.compile(f"{self.stem}([a-z]+(?:0[a-z]+)*)9")

    def standing_for(self, name: str) -> str:
        return f"{self.stem}{name.replace('_', '0')}9"

    def hide(self, text: str, *, blocks: bool = False) -> str:
        """The text with known placeholders replaced; unknown ones stay as they were written, and so do blocks where
        there is no place for one."""

        def stand_in(found: re.Match[str]) -> str:
            known = AUTHORS.get(found[1])
            return self.standing_for(found[1]) if known and (blocks or not known.is_block) else found[0]

        return WRITTEN.sub(stand_in, text)

    def hide_in_text(self, text: str) -> str:
        """Likewise for a plain text: a block is one that has a line to itself."""
        return self.hide(ALONE.sub(lambda found: self.hide(found[0], blocks=True), text))

    def blocks_alone(self, html: str) -> str:
        """HTML where what stands for a block has a paragraph to itself; elsewhere a block is as it was written."""

        def settle(found: re.Match[str]) -> str:
            name = found[2].replace("0", "_")
            if not AUTHORS[name].is_block or (found[1] and found[3]):
                return found[0]
            return f"{found[1] or ''}{{{{ {name} }}}}{found[3] or ''}"

        return re.sub(f"(<p>)?{self.pattern.pattern}(</p>)?", settle, html)

    def unwrapped(self, html: str) -> str:
        """The same without those paragraphs: a table does not stand in one."""
        return re.sub(f"<p>({self.pattern.pattern})</p>", self._unwrap, html)

    def _unwrap(self, found: re.Match[str]) -> str:
        return f"<div>{found[1]}</div>" if AUTHORS[found[2].replace("0", "_")].is_block else found[0]

    def split(self, text: str) -> tuple[list[str], list[str]]:
        """Literal segments, and the names between them: one fewer."""
        pieces = self.pattern.split(text)
        return pieces[0::2], [name.replace("0", "_") for name in pieces[1::2]]

    def names_in(self, text: str) -> list[str]:
        return self.split(text)[1]

    def is_address(self, target: str) -> bool:
        """Whether a link target with placeholders leads somewhere: one that stands for an address begins it. Behind
        another site's name it would tell that site the reader's own link."""
        segments, names = self.split(target)
        return segments[0] == "" and len(names) == 1 and AUTHORS[names[0]].is_url


def _stems(seed: str) -> Iterator[str]:
    digest = sha256(seed.encode("utf-8", "surrogatepass")).hexdigest()
    yield from (f"slot{digest[i : i + 12]}x" for i in range(0, 52))
