"""A letter is segments and slots.

A lesson is parsed, sanitised, wrapped and inlined once per revision; what is left for each recipient is to join the
segments with that recipient's values, once, in one pass: a value is never scanned for placeholders.
"""

import html
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum


class Kind(StrEnum):
    """How a value is escaped where it stands."""

    LINE = "line"  # one line of a header: no control characters, no line ends
    TEXT = "text"  # the plain text part
    HTML = "html"  # text inside HTML
    URL = "url"  # a URL inside an HTML attribute


@dataclass(frozen=True, slots=True)
class Slot:
    name: str
    kind: Kind
    is_block: bool = False


@dataclass(frozen=True, slots=True)
class Block:
    """A piece of a lesson in both forms, made by core/blocks.py alone: it stands as it is."""

    text: str
    html: str


def no_blocks(name: str) -> Block:
    """For a letter that has no slot for one."""
    raise KeyError(name)


@dataclass(slots=True)
class Values:
    """One recipient's values by name; each is escaped at most once per kind. An absent name is a KeyError."""

    raw: Mapping[str, str]
    blocks: Callable[[str], Block] = no_blocks
    _escaped: dict[Slot, str] = field(default_factory=dict)

    def __getitem__(self, slot: Slot) -> str:
        if (value := self._escaped.get(slot)) is None:
            value = self._escaped[slot] = self._block(slot) if slot.is_block else escape(self.raw[slot.name], slot.kind)
        return value

    def _block(self, slot: Slot) -> str:
        found = self.blocks(slot.name)
        return found.html if slot.kind is Kind.HTML else found.text


@dataclass(frozen=True, slots=True)
class Part:
    """Literal segments with a slot between each two: always one more segment than slots."""

    segments: tuple[str, ...]
    slots: tuple[Slot, ...] = ()

    def join(self, values: Values) -> str:
        pieces = [self.segments[0]]
        for slot, segment in zip(self.slots, self.segments[1:], strict=True):
            pieces += (values[slot], segment)
        return "".join(pieces)

    def folded(self, blocks: Callable[[str], Block]) -> "Part":
        """With the blocks in it that are the same for all: they become text."""
        segments, slots, values = [self.segments[0]], list[Slot](), Values({}, blocks)
        for slot, segment in zip(self.slots, self.segments[1:], strict=True):
            if slot.is_block:
                segments[-1] += values[slot] + segment
            else:
                slots.append(slot)
                segments.append(segment)
        return Part(tuple(segments), tuple(slots))


@dataclass(frozen=True, slots=True)
class Letter:
    """A compiled mail, the same for all who get this revision. `headers` are the extra ones (List-Unsubscribe …)."""

    sender_name: str
    sender_email: str
    reply_to: str  # an address, or "" for none
    subject: Part
    text: Part
    html: Part
    headers: Mapping[str, Part]


@dataclass(frozen=True, slots=True)
class Message:
    """A letter to one recipient. `send_id` is ours: 32 hex digits, the same for the same promise for ever."""

    send_id: str
    to: str  # an address; never a name, so nothing that a reader typed is in a header
    letter: Letter
    values: Values

    @property
    def subject(self) -> str:
        return self.letter.subject.join(self.values)

    @property
    def text(self) -> str:
        return self.letter.text.join(self.values)

    @property
    def html(self) -> str:
        return self.letter.html.join(self.values)

    @property
    def headers(self) -> dict[str, str]:
        return {name: part.join(self.values) for name, part in self.letter.headers.items()}


def escape(value: str, kind: Kind) -> str:
    """The value as it may stand in a slot of this kind."""
    match kind:
        case Kind.LINE:
            return one_line(value)
        case Kind.TEXT:
            return value
        case Kind.HTML | Kind.URL:
            return html.escape(value)


def one_line(value: str) -> str:
    """Without control characters and line ends (C0, DEL, C1, U+2028, U+2029): no value can begin a header."""
    if value.isprintable() and "  " not in value:  # nearly always
        return value.strip()
    return " ".join("".join(c if c.isprintable() else " " for c in value).split())
