"""What the provider does to requests. A script is a JSON object, read at start and again whenever it is told to.

    {
      "seed": 1,
      "list":  [{"do": "ok_then_reset"}, {"do": "429", "times": 3, "retry_after": "2"}],
      "rates": {"ok_then_hang": 0.1, "5xx": 0.05},
      "lookups": {"list": [{"do": "5xx"}], "rates": {}},
      "lookup_lag": 0.5,
      "latency": 0.0, "accept_delay": 0.0,
      "key": "the only key that is let in",
      "refuse": {"bad@x.test": "recipient", "odd@x.test": "message"},
      "refuse_text": "POISON",
      "all_or_nothing": false,
      "hooks": {"url": "http://user:pass@127.0.0.1:8000/hooks/postmark/secret", "secret": "whsec_…",
                "events": ["delivered"], "when": "early", "delay": 0, "copies": 1, "shuffle": 0, "forge": false}
    }

The list is used up first, one act for each request that sends; then the rates decide, by the seed and the number of
the request, and what they leave is "ok". Every field may be left away. `rates` may also be a list of pairs
[probability, act] where an act needs more than its name.

Acts: ok · ok_then_hang (for) · ok_then_reset · ok_then_5xx (status) · reject_one (index, what) · reject_all (what) ·
429 (retry_after: any header value; header; what: rate | quota) · 5xx (status) · 200_html · 200_truncated ·
200_wrong_length_array · 302 (location) · drip (for, head) · slow (seconds) · reset and hang (nothing taken).
`what` is recipient, message or account. Every act may have `times`, and `accept_delay` in seconds. 200_html takes
nothing unless it has `accept: true`; 200_truncated and 200_wrong_length_array take all unless it is false.
"""

import json
import random
import threading
from collections import deque
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

ACTS = {
    *("ok", "ok_then_hang", "ok_then_reset", "ok_then_5xx", "reject_one", "reject_all", "429", "5xx"),
    *("200_html", "200_truncated", "200_wrong_length_array", "302", "drip", "slow", "reset", "hang"),
}
FIELDS = {
    *("seed", "list", "rates", "lookups", "lookup_lag", "latency", "accept_delay"),
    *("key", "refuse", "refuse_text", "all_or_nothing", "hooks"),
}
Act = Mapping[str, Any]
OK: Act = {"do": "ok"}


class Script:
    """The standing fields are read by `script["name"]`. Any thread may ask."""

    def __init__(self, path: Path | None = None):
        self._path = path
        self._lock = threading.Lock()
        self.set({})
        self.reload()

    def reload(self) -> None:
        """Reads the file again; the list begins anew."""
        if self._path and self._path.exists():
            self.set(json.loads(self._path.read_text(encoding="utf-8")))

    def set(self, fields: Mapping[str, Any]) -> None:
        """Raises ValueError for a word that it does not know: a typo would make a test prove nothing."""
        if unknown := fields.keys() - FIELDS:
            raise ValueError(f"a script has no {sorted(unknown)}")
        lookups = fields.get("lookups", {})
        sends, looks = _Chooser(fields, "send"), _Chooser({"seed": fields.get("seed", 0)} | lookups, "lookup")
        with self._lock:
            self._fields, self._sends, self._looks = dict(fields), sends, looks

    def __getitem__(self, field: str) -> Any:
        return self._fields.get(field)

    def for_send(self) -> Act:
        with self._lock:
            return self._sends.next()

    def for_lookup(self) -> Act:
        with self._lock:
            return self._looks.next()


class _Chooser:
    """The list, then the rates."""

    def __init__(self, fields: Mapping[str, Any], name: str):
        self._list = deque(one for act in fields.get("list", ()) for one in [_checked(act)] * act.get("times", 1))
        rates = fields.get("rates", {})
        pairs = rates.items() if isinstance(rates, Mapping) else ((act, rate) for rate, act in rates)
        self._rates = [(rate, _checked({"do": act} if isinstance(act, str) else act)) for act, rate in pairs]
        self._seed = f"{fields.get('seed', 0)} {name}"
        self._number = 0

    def next(self) -> Act:
        self._number += 1
        if self._list:
            return self._list.popleft()
        drawn = random.Random(f"{self._seed} {self._number}").random()
        return next((act for act, below in _steps(self._rates) if drawn < below), OK)


def _steps(rates: Iterable[tuple[float, Act]]) -> Iterable[tuple[Act, float]]:
    total = 0.0
    for rate, act in rates:
        total += rate
        yield act, total


def _checked(act: Act) -> Act:
    if act.get("do") not in ACTS:
        raise ValueError(f"there is no act {act.get('do')!r}")
    return act
