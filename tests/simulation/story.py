"""Tells a turn in a line: what it changed, for whoever reads the history of a failed seed."""

from collections.abc import Iterator, Sequence

from tests.simulation.records import Delivery, Reader, Turn


def changes(turns: Sequence[Turn]) -> Iterator[str]:
    """What the last turn changed."""
    if len(turns) < 2:
        return
    before, now = turns[-2:]
    for row in now.deliveries.values():
        known = before.deliveries.get(row.id)
        if known != row:
            yield f"[{_delivery(known, row)}]"
    for reader in now.readers.values():
        told = before.readers.get(reader.id)
        if told != reader:
            yield f"({_reader(told, reader)})"


def _delivery(known: Delivery | None, row: Delivery) -> str:
    what = f"lesson {row.lesson} for e{row.enrollment}" if row.lesson else f"{row.kind} for {row.email_key}"
    call = f" by {row.call[:6]}" if row.call and (known is None or known.call != row.call) else ""
    resigned = " resigned" if row.resigned_at else ""
    return f"d{row.id} {what} {known.state + ' -> ' if known else ''}{row.state}{call}{resigned}"


def _reader(known: Reader | None, reader: Reader) -> str:
    names = ("zone", "status", "pace", "hour", "weekdays", "paused_until", "asked_at", "due_at", "had")
    said = (
        f"{name}={getattr(reader, name)}"
        for name in names
        if known is None or getattr(known, name) != getattr(reader, name)
    )
    return f"e{reader.id} {' '.join(said)}"
