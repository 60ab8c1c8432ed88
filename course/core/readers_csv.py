"""Readers as CSV: how a file is read, and how one is written so that no spreadsheet runs what is in it."""

import csv
import io
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from course.core.errors import BadFile, Fault

NAMES = {  # what a column may be called, in small letters without blanks and signs
    "email": ("email", "emailaddress", "mail", "mailaddress", "emails", "address", "email1value"),
    "name": ("name", "firstname", "givenname", "first", "forename", "vorname", "fullname"),
    "timezone": ("timezone", "tz", "zone", "zeitzone"),
}
ENCODINGS = ((b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16"), (b"", "utf-8-sig"))
FORMULA = ("=", "+", "-", "@", "\t", "\r")


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the file; `number` counts from 1, the header included."""

    number: int
    email: str
    name: str
    timezone: str


def read(content: bytes, file: str) -> list[Row]:
    """Reads UTF-8 or UTF-16 with commas, semicolons or tabs, whose first line names the columns. Raises BadFile."""
    table = Table(decoded(content, file), file)
    if table.guess.get("email") is None or not table.has_header:
        remedy = "The first line names the columns: email, and if you have them name and timezone"
        raise BadFile([Fault(file, 1, "there is no column email", remedy)])
    return list(table.rows(table.guess))


class Table:
    """A list as somebody has it: which columns there are, and what they seem to hold."""

    def __init__(self, text: str, file: str) -> None:
        self._file, self._text = file, text
        first = text.lstrip("\r\n").split("\n", 1)[0]
        self._delimiter = max(",;\t", key=first.count)
        self.first: list[str] = next((cells for _, cells in self._lines()), [])
        guess = {column: _named(self.first, names) for column, names in NAMES.items()}
        self.has_header = not any("@" in cell for cell in self.first)
        if not self.has_header:
            guess = {"email": next(n for n, cell in enumerate(self.first) if "@" in cell)}
        self.guess: dict[str, int] = {column: at for column, at in guess.items() if at is not None}

    @property
    def columns(self) -> list[str]:
        """A name for each column: its heading, or what stands in the first line."""
        return [cell.strip() or f"column {number}" for number, cell in enumerate(self.first, 1)]

    def rows(self, places: Mapping[str, int]) -> Iterator[Row]:
        """The lines below the heading. `places`: in which column (from 0) email, name and timezone stand. Raises
        BadFile."""
        lines = self._lines()
        if self.has_header:
            next(lines, None)
        return (_row(number, cells, places) for number, cells in lines)

    def _lines(self) -> Iterator[tuple[int, list[str]]]:
        """Lines that hold something, with their number in the file."""
        lines = csv.reader(io.StringIO(self._text, newline=""), delimiter=self._delimiter, strict=True)
        try:
            yield from ((lines.line_num, cells) for cells in lines if any(cell.strip() for cell in cells))
        except csv.Error as error:
            fault = Fault(self._file, lines.line_num, f"no CSV: {error}", "Save it as CSV again")
            raise BadFile([fault]) from None


def _named(heading: Sequence[str], names: Sequence[str]) -> int | None:
    """The column that is called so; the first of the names wins."""
    plain = ["".join(c for c in cell.casefold() if c.isalnum() or c == "\0") for cell in heading]
    return next((plain.index(name) for name in names if name in plain), None)


def write(lines: Iterable[Sequence[str]]) -> Iterable[str]:
    """CSV, a line at a time. A cell that a spreadsheet would take for a formula gets an apostrophe in front."""
    for cells in lines:
        buffer = io.StringIO()
        csv.writer(buffer).writerow([_harmless(cell) for cell in cells])  # ends with CR LF, so that both are quoted
        yield buffer.getvalue().removesuffix("\r\n") + "\n"


def decoded(content: bytes, file: str) -> str:
    """The text of a file: UTF-8, or UTF-16 with its mark. Raises BadFile."""
    encoding = next(name for mark, name in ENCODINGS if content.startswith(mark))
    try:
        return content.decode(encoding)
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        raise BadFile([Fault(file, line, "not UTF-8", "Save it as CSV UTF-8")]) from None


def _row(number: int, cells: Sequence[str], places: Mapping[str, int]) -> Row:
    found = {column: _plain(cells[at].strip()) if at < len(cells) else "" for column, at in places.items()}
    return Row(number, found["email"], found.get("name", ""), found.get("timezone", ""))


def _harmless(cell: str) -> str:
    return f"'{cell}" if cell.lstrip("'").startswith(FORMULA) else cell


def _plain(cell: str) -> str:
    """What `_harmless` was given."""
    return cell[1:] if cell.startswith("'") and cell.lstrip("'").startswith(FORMULA) else cell
