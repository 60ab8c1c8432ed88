"""What a change is called, whom it is for and where readers stand to it, in words for coaches."""

from collections.abc import Mapping

from course.actions.edits import Choice, Kind
from course.actions.surveying import Group

NEW_ONLY = "Only readers who sign up from now on"
CHOICES: dict[Kind, dict[Choice, str]] = {
    Kind.TEXT: {Choice.EVERYBODY: "Everybody who has not had this lesson yet", Choice.NEW: NEW_ONLY},
    Kind.INSERT: {
        Choice.AHEAD: "Readers who have not passed its place yet",
        Choice.ALL: "Readers who have passed its place too, as their next mail",
        Choice.FINISHERS: "All of these, and those who have finished the course",
        Choice.NEW: NEW_ONLY,
    },
    Kind.MOVE: {Choice.EVERYBODY: "Everybody, for the mails they still wait for", Choice.NEW: NEW_ONLY},
    Kind.ARCHIVE: {Choice.EVERYBODY: "Everybody: who waits for it goes on to the next lesson", Choice.NEW: NEW_ONLY},
    Kind.GAP: {Choice.EVERYBODY: "Everybody, for the mails they still wait for", Choice.NEW: NEW_ONLY},
    Kind.HOURS: {Choice.EVERYBODY: "Everybody, from their next mail on", Choice.NEW: NEW_ONLY},
}
_USUAL = {
    Group.HAD: "had this lesson already",
    Group.NEXT: "get it as their next mail",
    Group.LATER: "get it later",
    Group.PAST: "go on without it",
    Group.STAY: "keep the course as it is",
    Group.OUT: "left the course, or cannot be mailed",
}
ALWAYS = (Group.HAD, Group.NEXT, Group.LATER)  # said even of nobody, where the change is for everybody
_GROUPS: dict[Kind, dict[Group, str]] = {
    Kind.TEXT: _USUAL | {Group.HAD: "had it already, with the text of that day"},
    Kind.INSERT: _USUAL,
    Kind.MOVE: _USUAL,
    Kind.ARCHIVE: _USUAL
    | {
        Group.NEXT: "wait for it now, and go on to the next lesson",
        Group.LATER: "would have had it later",
        Group.PAST: "would not have had it anyway",
    },
    Kind.GAP: _USUAL | {Group.NEXT: "wait for it now", Group.LATER: "get it later"},
    Kind.HOURS: _USUAL | {Group.NEXT: "are on the course", Group.PAST: "have finished"},
}


def choice(kind: Kind, which: Choice) -> str:
    """ "Only readers who sign up from now on"."""
    return CHOICES[kind][which]


def group(kind: Kind, which: Group) -> str:
    """What follows "12 readers …"."""
    return _GROUPS[kind][which]


def groups(kind: Kind, counts: Mapping[str, int]) -> list[tuple[Group, str, int]]:
    """Where readers stand, in the order of the course: the group, in words, how many."""
    shown = () if counts.get(Group.STAY) or kind is Kind.HOURS else ALWAYS
    return [
        (which, text, counts.get(which, 0))
        for which, text in _GROUPS[kind].items()
        if counts.get(which) or which in shown
    ]


def summary(kind: Kind, title: str = "", *, place: int = 0, days: int = 0, hours: str = "") -> str:
    """One line for the list of changes."""
    match kind:
        case Kind.TEXT:
            return f"“{title}” has a new text"
        case Kind.INSERT:
            return f"“{title}” is new, as lesson {place}"
        case Kind.MOVE:
            return f"“{title}” moves to place {place}"
        case Kind.ARCHIVE:
            return f"“{title}” leaves the course"
        case Kind.GAP:
            return f"“{title}” comes {days} day{'s' if days != 1 else ''} after the mail before it"
        case Kind.HOURS:
            return f"Mails go {hours}"
