"""What changed between two texts, line by line, and word by word where a line was rewritten."""

import re
from collections.abc import Iterator, Sequence
from difflib import SequenceMatcher
from typing import NamedTuple

MANY = 2_000  # words on one side; longer passages are shown as taken out and put in, for speed
AROUND = 2  # lines that stay are shown on each side of a change


class Piece(NamedTuple):
    how: str  # "same" | "ins" | "del"
    text: str


class Passage(NamedTuple):
    """A run of lines. `skipped`: so many lines between the passage before and this one are the same on both sides."""

    pieces: list[Piece]
    skipped: int


def passages(before: str, after: str) -> list[Passage]:
    """The changes with the lines around them; none for two equal texts."""
    old, new = before.splitlines(keepends=True), after.splitlines(keepends=True)
    found, at = [], 0
    for group in SequenceMatcher(None, old, new).get_grouped_opcodes(AROUND):
        if all(how == "equal" for how, *_ in group):
            continue
        pieces: list[Piece] = []
        for how, i, j, k, m in group:
            was, is_ = "".join(old[i:j]), "".join(new[k:m])
            pieces += [Piece("same", is_)] if how == "equal" else words(was, is_)
        found.append(Passage(_merged(pieces), group[0][1] - at))
        at = group[-1][2]
    return found


def words(before: str, after: str) -> list[Piece]:
    """Every word of both texts in order, with what happened to it."""
    old, new = _tokens(before), _tokens(after)
    if max(len(old), len(new)) > MANY:
        return _merged([Piece("del", before), Piece("ins", after)])
    return _merged(_pieces(old, new))


def _pieces(old: Sequence[str], new: Sequence[str]) -> Iterator[Piece]:
    for how, i, j, k, m in SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        if how == "equal":
            yield Piece("same", "".join(new[k:m]))
        else:
            yield Piece("del", "".join(old[i:j]))
            yield Piece("ins", "".join(new[k:m]))


def _merged(pieces: Sequence[Piece] | Iterator[Piece]) -> list[Piece]:
    """Without empty pieces. A blank between two changed words is part of the change: it reads as one."""
    found: list[Piece] = []
    for piece in pieces:
        if not piece.text:
            continue
        if found and found[-1].how == piece.how:
            found[-1] = Piece(piece.how, found[-1].text + piece.text)
        else:
            found.append(piece)
    return found


def _tokens(text: str) -> list[str]:
    """A placeholder is one word, so that it is never shown half."""
    return re.findall(r"\{\{[^{}\n]*\}\}|\w+|\s+|[^\w\s]", text)
