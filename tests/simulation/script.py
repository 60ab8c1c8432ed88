"""What a seed means: who reads, what people do and when, how the provider behaves. All drawn before anything runs."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any, NamedTuple

DAYS = 90
FIRST_DAY = datetime(2026, 12, 1, tzinfo=UTC)  # seeds begin on one of the 500 days from here: every clock change is met
ZONES = (
    "America/New_York",
    "Europe/Berlin",
    "Australia/Lord_Howe",  # half an hour of summer time
    "Pacific/Apia",
    "Africa/Cairo",  # midnight is skipped
    "America/Santiago",  # likewise
    "Asia/Kolkata",
    "",  # the course's
)
HOURS = ("06:00", "09:00", "02:30", "00:30", "19:00", None)
WEEKDAYS = ([0, 1, 2, 3, 4], [1, 3], [5, 6], None)


@dataclass(frozen=True, slots=True)
class Traits:
    """How one provider account works. Look-up and keys are as those of Postmark and Resend, or there are none."""

    name: str
    batch: int
    keys: bool = False
    looks: bool = False
    hooks: bool = False  # tells what became of a message
    whole: bool = False  # refuses a call of several as a whole
    keeps_failures: bool = False  # under a key, a refusal or a 5xx is stored as well
    settle: timedelta = timedelta(minutes=30)
    lease: timedelta = timedelta(minutes=10)


class Act(NamedTuple):
    """Something that somebody does. `who` is the number of a reader, 0 for the coach and the world."""

    at: datetime
    name: str
    who: int = 0
    value: Any = None


class Span(NamedTuple):
    """A time of trouble: `account` (a key, a quota), `closed` (no road), `silent` (no answers), `blind` (a look-up
    that finds nothing)."""

    kind: str
    since: datetime
    until: datetime


@dataclass(frozen=True, slots=True)
class Script:
    seed: int
    start: datetime
    end: datetime  # of acts and faults
    traits: tuple[Traits, ...]  # of the first account; and of the second, to which the course may move
    readers: int
    zones: tuple[str, ...]
    trouble: float  # how often a call goes wrong
    meddling: float  # how often something happens between two transactions
    lateness: timedelta  # how coarse the worker's ticks are
    on_unknown: str
    bad_addresses: frozenset[int]  # readers whose address the provider refuses
    bouncing: frozenset[int]  # readers whose mail bounces after it was taken
    spans: tuple[Span, ...]
    acts: tuple[Act, ...]


def script(seed: int, rng: Random) -> Script:
    start = FIRST_DAY + timedelta(days=rng.randrange(500), seconds=rng.randrange(86_400))
    readers, apart = rng.choice((4, 4, 4, 4, 5)), rng.random() < 0.5
    return Script(
        seed=seed,
        start=start,
        end=start + timedelta(days=DAYS),
        traits=(_traits(rng, "first"), _traits(rng, "second")),
        readers=readers,
        zones=tuple(rng.choice(ZONES) if apart else "" for _ in range(readers)),
        trouble=rng.choice((0.05, 0.15, 0.3)),
        meddling=rng.choice((0.05, 0.15, 0.3)),
        lateness=timedelta(minutes=rng.choice((1, 5, 60))),
        on_unknown=rng.choice(("hold", "hold", "resend")),
        bad_addresses=_some(rng, readers, 0.07),
        bouncing=_some(rng, readers, 0.07),
        spans=tuple(_spans(rng, start)),
        acts=tuple(sorted(_acts(rng, start, readers, apart=apart))),
    )


def _some(rng: Random, readers: int, share: float) -> frozenset[int]:
    return frozenset(n for n in range(1, readers + 1) if rng.random() < share)


def _traits(rng: Random, name: str) -> Traits:
    """Three personalities: keys like Resend, look-up like Postmark, nothing like SMTP."""
    match rng.choice(("keys", "keys", "looks", "looks", "neither")):
        case "keys":
            lease = timedelta(seconds=15)
            hooks, keeps = rng.random() < 0.7, rng.random() < 0.5
            return Traits(name, rng.choice((1, 2, 100)), keys=True, hooks=hooks, keeps_failures=keeps, lease=lease)
        case "looks":
            return Traits(name, rng.choice((2, 500)), looks=True, hooks=rng.random() < 0.7)
        case _:
            return Traits(name, rng.choice((1, 1, 3)), whole=True)


def _spans(rng: Random, start: datetime) -> list[Span]:
    spans = []
    for kind, longest in (("account", 30), ("closed", 12), ("silent", 20), ("blind", 48)):
        for _ in range(rng.choice((0, 1))):
            since = start + timedelta(days=rng.uniform(0, 25))
            spans.append(Span(kind, since, since + timedelta(hours=rng.uniform(0.1, longest))))
    return spans


def _acts(rng: Random, start: datetime, readers: int, *, apart: bool) -> list[Act]:
    """Readers come one by one; or all at once from a list, and then their lessons are due together."""

    def day(first: float, last: float) -> datetime:
        return start + timedelta(days=rng.uniform(first, last))

    acts, together = [], day(0, 6)
    for who in range(1, readers + 1):
        arrives = day(0, 6) if apart else together
        acts.append(Act(arrives, "import" if not apart or rng.random() < 0.2 else "sign_up", who))
        for name in rng.sample(READERS_ACTS, rng.choice((0, 1, 2, 3))):
            acts += _doing(rng, name, who, arrives + timedelta(days=rng.uniform(0, 25)))
        for name in rng.sample(CHOICES, rng.choice((0, 0, 1, 2))):
            acts += _choosing(rng, name, who, arrives + timedelta(days=rng.uniform(0, 30)))
    for name in rng.sample(COACHS_ACTS, rng.choice((0, 1, 2))):
        at = day(1, 22)
        acts.append(Act(at, name, 0, rng.randrange(1000)))
        if name == "back_up":
            acts.append(Act(at + timedelta(days=rng.uniform(0.1, 9)), "restore", 0, rng.random() < 0.7))
        if name == "course_pause":
            acts.append(Act(at + timedelta(days=rng.uniform(0.2, 4)), "course_resume"))
    return acts


READERS_ACTS = ("leave", "leave_for_good", "pause", "zone", "pace", "hour", "weekdays", "ask", "sign_up", "import")
CHOICES = ("skip", "skip_for_now", "again", "again_twice", "start_again", "start_again", "stop", "stop_for_good")
COACHS_ACTS = (
    "insert",
    "insert_two",
    "text",
    "gap",
    "course_hour",
    "switch",
    "course_pause",
    "poison",
    "forge",
    "mend",
    "back_up",
    "back_up",
)


def _doing(rng: Random, name: str, who: int, at: datetime) -> list[Act]:
    match name:
        case "leave":
            return [Act(at, "leave", who), Act(at + timedelta(days=rng.uniform(0, 6)), "come_back", who)]
        case "leave_for_good":
            return [Act(at, "leave", who)]
        case "pause":
            return [Act(at, "pause", who, rng.uniform(0.1, 12))]
        case "zone":
            return [Act(at, "zone", who, rng.choice(ZONES))]
        case "pace":
            return [Act(at, "pace", who, rng.choice(("slower", "faster", "normal")))]
        case "hour":
            return [Act(at, "hour", who, rng.choice(HOURS))]
        case "weekdays":
            return [Act(at, "weekdays", who, rng.choice(WEEKDAYS))]
    return [Act(at, name, who)]


def _choosing(rng: Random, name: str, who: int, at: datetime) -> list[Act]:
    """What a reader is to get, and whether: by themselves or by a coach."""
    value, later = rng.randrange(1000), at + timedelta(days=rng.uniform(0, 12))
    match name:
        case "skip":
            return [Act(at, "skip", who, value)]
        case "skip_for_now":
            return [Act(at, "skip", who, value), Act(at + 2 * (later - at), "unskip", who, value)]
        case "again":
            return [Act(at, "again", who, value)]
        case "again_twice":
            return [Act(at, "again", who, value), Act(later, "again", who, value)]
        case "stop":
            return [Act(at, "stop", who), Act(later, "bring_back", who)]
        case "stop_for_good":
            return [Act(at, "stop", who)]
    return [Act(at, name, who)]


def address(who: int) -> str:
    return f"r{who}@reader.test"


def number(mailbox: str) -> int:
    """Whose address it is."""
    return int(mailbox.partition("@")[0][1:])
