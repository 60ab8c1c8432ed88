"""Readers as CSV: how a file is read, and how one is written so that no spreadsheet runs what is in it."""

import csv
import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from course.core.errors import BadFile, Fault

COLUMNS = ("email", "name", "timezone")
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
    """Reads UTF-8 or UTF-16 with commas, semicolons or tabs. Raises BadFile."""
    text = _decoded(content, file)
    first = text.split("\n", 1)[0]
    delimiter = max(",;\t", key=first.count)
    lines = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    try:
        header = [cell.strip().lower() for cell in next(lines, [])]
        if "email" not in header:
            remedy = "The first line names the columns: email, and if you have them name and timezone"
            raise BadFile([Fault(file, 1, "there is no column email", remedy)])
        places = {column: header.index(column) for column in COLUMNS if column in header}
        return [_row(lines.line_num, cells, places) for cells in lines if any(cell.strip() for cell in cells)]
    except csv.Error as error:
        raise BadFile([Fault(file, lines.line_num, f"no CSV: {error}", "Save it as CSV again")]) from None


def write(lines: Iterable[Sequence[str]]) -> Iterable[str]:
    """CSV, a line at a time. A cell that a spreadsheet would take for a formula gets an apostrophe in front."""
    for cells in lines:
        buffer = io.StringIO()
        csv.writer(buffer).writerow([_harmless(cell) for cell in cells])  # ends with CR LF, so that both are quoted
        yield buffer.getvalue().removesuffix("\r\n") + "\n"


def _decoded(content: bytes, file: str) -> str:
    encoding = next(name for mark, name in ENCODINGS if content.startswith(mark))
    try:
        return content.decode(encoding)
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        raise BadFile([Fault(file, line, "not UTF-8", "Save it as CSV UTF-8")]) from None


def _row(number: int, cells: Sequence[str], places: dict[str, int]) -> Row:
    found = {column: _plain(cells[at].strip()) if at < len(cells) else "" for column, at in places.items()}
    return Row(number, found["email"], found.get("name", ""), found.get("timezone", ""))


def _harmless(cell: str) -> str:
    return f"'{cell}" if cell.lstrip("'").startswith(FORMULA) else cell


def _plain(cell: str) -> str:
    """What `_harmless` was given."""
    return cell[1:] if cell.startswith("'") and cell.lstrip("'").startswith(FORMULA) else cell
