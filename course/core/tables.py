"""A small table of a lesson that our own code makes, as text and as HTML for a mail."""

import html
from dataclasses import dataclass

# What templates/mail/_base/base.html gives to the tables of a lesson; its rules for dark mode and phones apply as well.
_TABLE = "border-collapse:collapse;font-size:16px;line-height:1.4;margin:8px 0 12px;width:100%"
_CELL = "border-bottom:1px solid #d0d6c2;padding:9px 10px 9px 0;text-align:left;vertical-align:top"
_HEAD = "border-bottom:2px solid #d0d6c2;padding:9px 10px 9px 0;text-align:left;vertical-align:top"
_TITLE = "font-weight:bold;margin:20px 0 0"
_NOTE = "color:#566050;font-size:16px;line-height:1.5;margin:0 0 12px"
WIDTH = 76  # characters of a text part; a table that is wider is said row by row


@dataclass(frozen=True, slots=True)
class Table:
    """`rows` may be none: then the notes say why. The first column names its row."""

    title: str
    head: tuple[str, ...] = ()
    rows: tuple[tuple[str, ...], ...] = ()
    notes: tuple[str, ...] = ()


def as_html(table: Table) -> str:
    pieces = [f'<p style="{_TITLE}">{_safe(table.title)}</p>']
    if table.rows:
        head = "".join(f'<th scope="col" style="{_HEAD}">{_safe(cell)}</th>' for cell in table.head)
        pieces += [f'<table style="{_TABLE}"><thead><tr>{head}</tr></thead><tbody>']
        for first, *cells in table.rows:
            rest = "".join(f'<td style="{_CELL}{_whole(cell)}">{_safe(cell)}</td>' for cell in cells)
            pieces.append(f'<tr><th scope="row" style="{_CELL};font-weight:600">{_safe(first)}</th>{rest}</tr>')
        pieces.append("</tbody></table>")
    pieces += [f'<p class="quiet" style="{_NOTE}">{_safe(note)}</p>' for note in table.notes]
    return "".join(pieces)


def _whole(cell: str) -> str:
    """Keeps a figure on one line."""
    return ";white-space:nowrap" if cell[:1].isdigit() and len(cell) <= 12 else ""


def _safe(text: str) -> str:
    return html.escape(text)


def as_text(table: Table) -> str:
    """Columns under one another; row by row where they are too wide for a mail."""
    lines = [table.title, ""]
    if table.rows:
        grid = (table.head, *table.rows)
        widths = [max(len(row[at]) for row in grid) for at in range(len(table.head))]
        if sum(widths) + 2 * (len(widths) - 1) <= WIDTH:
            lines += ["  ".join(map(str.ljust, row, widths)).rstrip() for row in grid]
        else:
            lines += [f"{first}: {', '.join(cells)}" for first, *cells in table.rows]
        lines.append("")
    return "\n".join([*lines, *table.notes]).strip()
