"""The placeholders that an author may write: `{{ first_name }}`. A fixed list, replaced literally, in one pass."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from difflib import get_close_matches
from hashlib import sha256

# Words between blanks between braces. Nothing in it is tried twice, so a text of blanks takes no time.
WRITTEN = re.compile(r"\{\{[ \t]*+([^{} \t\n]*+(?:[ \t]++[^{} \t\n]++)*+)[ \t]*+\}\}")


@dataclass(frozen=True, slots=True)
class Placeholder:
    meaning: str
    is_url: bool = False  # may be the target of a link


AUTHORS: dict[str, Placeholder] = {
    "first_name": Placeholder("the reader's first name, or the course's fallback for it"),
    "course_title": Placeholder("the title of the course"),
    "lesson_number": Placeholder("this lesson's place in the course, as a numeral"),
    "lesson_count": Placeholder("how many lessons the course has, as a numeral"),
    "course_page": Placeholder("the address of the reader's own course page", is_url=True),
    "view_in_browser": Placeholder("the address of this lesson as a web page", is_url=True),
    "unsubscribe": Placeholder("the address of the page to leave the course", is_url=True),
}


def closest(name: str) -> str | None:
    """The placeholder that was probably meant."""
    return next(iter(get_close_matches(name.lower(), AUTHORS, n=1)), None)


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

    def hide(self, text: str) -> str:
        """The text with known placeholders replaced; unknown ones stay as they were written."""
        return WRITTEN.sub(lambda m: self.standing_for(m[1]) if m[1] in AUTHORS else m[0], text)

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
