"""Readers as CSV: what spreadsheets write is read, and what we write runs in none."""

import codecs
import csv
import io

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from course.core import readers_csv
from course.core.errors import BadFile, Fault
from course.core.readers_csv import Row

relaxed = settings(max_examples=80, deadline=None)
FILE = "readers.csv"
PLAIN = "email,name,timezone\nann@x.test,Ann,UTC\nbob@x.test,Bob,\n"
ROWS = [Row(2, "ann@x.test", "Ann", "UTC"), Row(3, "bob@x.test", "Bob", "")]

cells = st.text(st.characters(exclude_characters="\x00", exclude_categories=["Cs"]), max_size=12)


def read(text: str) -> list[Row]:
    return readers_csv.read(text.encode(), FILE)


def fault_of(content: bytes) -> Fault:
    with pytest.raises(BadFile) as caught:
        readers_csv.read(content, FILE)
    [fault] = caught.value.faults
    return fault


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("ends", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize(
    "encode",
    [
        lambda text: text.encode("utf-8"),
        lambda text: text.encode("utf-8-sig"),
        lambda text: text.encode("utf-16"),
        lambda text: codecs.BOM_UTF16_LE + text.encode("utf-16-le"),
        lambda text: codecs.BOM_UTF16_BE + text.encode("utf-16-be"),
    ],
    ids=["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be"],
)
def test_what_spreadsheets_write_is_read(delimiter: str, ends: str, encode: object) -> None:
    text = PLAIN.replace(",", delimiter).replace("\n", ends)
    assert readers_csv.read(encode(text), FILE) == ROWS  # type: ignore[operator]


def test_columns_may_stand_in_any_order_in_any_case_with_others_between() -> None:
    text = 'Id;"Timezone "; EMAIL ;name\n1;UTC; ann@x.test ;Ann\n2;;bob@x.test;Bob;more\n'
    assert read(text) == ROWS


def test_only_email_is_needed_and_short_lines_are_filled_up() -> None:
    assert read("email\nann@x.test\n") == [Row(2, "ann@x.test", "", "")]
    assert read("name,email,timezone\nAnn\n") == [Row(2, "", "Ann", "")]


def test_empty_lines_are_skipped_and_the_numbers_are_those_of_the_file() -> None:
    assert [row.number for row in read("email\n\nann@x.test\n  \n,\nbob@x.test\n")] == [3, 6]


def test_quoted_cells_may_hold_delimiters_quotes_and_line_ends() -> None:
    [ann, bob] = read('name,email\n"Ann ""A"", of\nX",ann@x.test\nBob,bob@x.test\n')
    assert (ann.name, ann.email) == ('Ann "A", of\nX', "ann@x.test")
    assert (bob.number, bob.email) == (4, "bob@x.test")


@pytest.mark.parametrize(
    ("content", "line", "problem", "remedy"),
    [
        (b"", 1, "there is no column email", "The first line names the columns"),
        (b"ann@x.test,Ann\n", 1, "there is no column email", "The first line names the columns"),
        (PLAIN.encode("utf-16-le"), 1, "there is no column email", "The first line names the columns"),
        (b"email\nann@x.test\nz\xf6e@x.test\n", 3, "not UTF-8", "Save it as CSV UTF-8"),
        (codecs.BOM_UTF16_LE + b"a", 1, "not UTF-8", "Save it as CSV UTF-8"),
        (b'email\nann@x.test\n"bob', 3, "no CSV: unexpected end of data", "Save it as CSV again"),
        (b'email\n"bob"x\n', 2, "no CSV: ", "Save it as CSV again"),
        (b"email\n" + b"a" * 200_000, 2, "no CSV: field larger than field limit", "Save it as CSV again"),
    ],
)
def test_each_fault_is_named_with_its_line_and_a_remedy(content: bytes, line: int, problem: str, remedy: str) -> None:
    fault = fault_of(content)
    assert (fault.file, fault.line) == (FILE, line)
    assert fault.problem.startswith(problem)
    assert fault.remedy.startswith(remedy)


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=40) | st.text('email,;\t\n\r"ab@\x00', max_size=30).map(str.encode))
def test_any_bytes_are_rows_or_a_bad_file(content: bytes) -> None:
    for prefix in (b"", b"email,name\n"):
        try:
            found: list[Row] | list[Fault] = readers_csv.read(prefix + content, FILE)
        except BadFile as error:
            found = error.faults
        assert all(isinstance(one, Row) or one.line >= 1 for one in found)


@pytest.mark.parametrize("cell", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "=cmd|' /C calc'!A0"])
def test_no_spreadsheet_runs_what_is_in_an_export(cell: str) -> None:
    [line] = readers_csv.write([["a", cell]])
    assert next(csv.reader([line])) == ["a", f"'{cell}"]


@relaxed
@given(st.lists(cells, min_size=1, max_size=3))
@example(["\r", "a\r\nb"])
def test_no_cell_of_an_export_begins_like_a_formula_and_none_is_lost(written: list[str]) -> None:
    [line] = readers_csv.write([written])
    [found] = csv.reader(io.StringIO(line, newline=""), strict=True)
    assert not [cell for cell in found if cell.startswith(("=", "+", "-", "@", "\t", "\r"))]
    assert [cell.lstrip("'") for cell in found] == [cell.lstrip("'") for cell in written]


@relaxed
@given(st.text("ab+-=@'", min_size=1, max_size=6), st.text("ab+-='é ", max_size=6))
@example("+a", "''=b")
def test_what_was_exported_is_imported_as_it_was(local: str, name: str) -> None:
    """Addresses may begin with + - or =, and would be another mailbox with the apostrophe before it."""
    email, name = f"{local}@x.test", name.strip()
    text = "".join(readers_csv.write([("email", "name"), (email, name)]))
    [row] = read(text)
    assert (row.email, row.name) == (email, name)


def test_ordinary_cells_are_written_as_they_are() -> None:
    assert list(readers_csv.write([["a", "b c"], ["1", 'say "x"']])) == ["a,b c\n", '1,"say ""x"""\n']
