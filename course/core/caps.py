"""How many messages one account may send, by second and by day; and the ramp that a new account begins with."""

from dataclasses import dataclass

DOUBLINGS = 30  # days after which a ramp that doubles is no limit any more
LESSONS_SHARE = 0.9  # of the rate: a tenth is kept for confirmations


@dataclass(frozen=True, slots=True)
class Caps:
    """0 is no limit. `warm_up` messages on an account's first day, twice as many on each day after."""

    per_second: int = 0
    per_day: int = 0
    warm_up: int = 0

    @property
    def on(self) -> bool:
        return bool(self.per_second or self.per_day or self.warm_up)

    def left(self, *, this_second: int, today: int, day: int, service: bool) -> int | None:
        """How many more may go now, after so many in this second and today, on the account's `day` (0 is its first);
        None: no limit. `service` mail may use all of the rate, lessons nine tenths."""
        limits = [(self.per_second, this_second), (self.day_limit(day), today)]
        left = [max(0, _share(limit, service) - used) for limit, used in limits if limit]
        return min(left) if left else None

    def day_limit(self, day: int) -> int:
        """The most for this day of the account; 0 is no limit."""
        day = max(0, day)  # a clock may be set back
        ramp = self.warm_up * 2**day if self.warm_up and day < DOUBLINGS else 0
        return min(filter(None, (self.per_day, ramp)), default=0)


def _share(limit: int, service: bool) -> int:
    return limit if service else max(1, int(limit * LESSONS_SHARE))
