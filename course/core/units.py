"""Quantities that an author writes as `{{ 10 km }}`, said in the reader's units.

A number keeps the form it was written in; its twin in the other system is rounded as people say it. A reader whose
units are not known gets both, miles first: "6.2 mi (10 km)".
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

KM_IN_A_MILE = 1.609344
KG_IN_A_POUND = 0.45359237
ML_IN_AN_OUNCE = 29.5735


class Units(StrEnum):
    """What a reader counts in: the metric system, that of the United States, or nobody asked."""

    KM = "km"
    MI = "mi"
    BOTH = "both"


def plain(value: float, decimals: int = 1) -> str:
    """ "12.5", and "12" for 12.0."""
    text = f"{value:.{decimals}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def _spoken(value: float, exact: bool) -> str:
    return plain(value, 1 if exact or value < 10 else 0)


def _whole(value: float, exact: bool) -> str:
    return plain(value, 0 if value >= 1 else 1)


def _quarters(value: float, exact: bool) -> str:
    return plain(round(value / 25) * 25 if value >= 25 else value, 0)


@dataclass(frozen=True, slots=True)
class Unit:
    """`times` makes its twin of it, `say` rounds what was made of its twin (`exact`: the twin was no whole number)."""

    name: str
    twin: str
    times: float
    is_metric: bool
    say: "Say"


Say = Callable[[float, bool], str]


def _pair(metric: str, other: str, size: float, say: Say, say_other: Say) -> list[Unit]:
    return [Unit(metric, other, 1 / size, True, say), Unit(other, metric, size, False, say_other)]


UNITS = {
    unit.name: unit
    for unit in (
        *_pair("km", "mi", KM_IN_A_MILE, _spoken, _spoken),
        *_pair("kg", "lb", KG_IN_A_POUND, _spoken, _spoken),
        *_pair("cm", "in", 2.54, _whole, _whole),
        *_pair("mL", "fl oz", ML_IN_AN_OUNCE, _quarters, _whole),
    )
}
EXAMPLES = "{{ 10 km }}, {{ 8-10 km }}, {{ 7:00/km }}; units are " + ", ".join(UNITS)

_NUMBER = r"(\d{1,4}(?:\.\d{1,2})?)"
_QUANTITY = re.compile(rf"{_NUMBER}(?: ?[-\u2013] ?{_NUMBER})? ?({'|'.join(UNITS)})", re.ASCII)
_PACE = re.compile(r"(\d{1,2}):([0-5]\d)/(km|mi)", re.ASCII)
_WRITTEN = re.compile(r"\{\{[ \t]*+(\d[^{}\n]{0,30})\}\}")


def quantity(written: str, units: Units) -> str | None:
    """What stands between the braces, in these units: "10 km", "8-10 km" or "7:00/km". None: it is no quantity."""
    written = written.strip()
    if found := _PACE.fullmatch(written):
        own, twin = _paces(int(found[1]), int(found[2]), found[3])
        return _chosen(own, twin, is_metric=found[3] == "km", units=units)
    found = _QUANTITY.fullmatch(written)
    if found is None or (found[2] and float(found[1]) >= float(found[2])):
        return None
    unit = UNITS[found[3]]
    numbers = [number for number in (found[1], found[2]) if number]
    say = UNITS[unit.twin].say
    twins = [say(float(number) * unit.times, "." in number) for number in numbers]
    own, twin = f"{'-'.join(numbers)} {unit.name}", f"{'-'.join(dict.fromkeys(twins))} {unit.twin}"
    return _chosen(own, twin, is_metric=unit.is_metric, units=units)


def _chosen(own: str, twin: str, *, is_metric: bool, units: Units) -> str:
    metric, other = (own, twin) if is_metric else (twin, own)
    return {Units.KM: metric, Units.MI: other, Units.BOTH: f"{other} ({metric})"}[units]


def _paces(minutes: int, seconds: int, unit: str) -> tuple[str, str]:
    times = KM_IN_A_MILE if unit == "km" else 1 / KM_IN_A_MILE
    twin = round((minutes * 60 + seconds) * times)
    return f"{minutes}:{seconds:02d}/{unit}", f"{twin // 60}:{twin % 60:02d}/{'mi' if unit == 'km' else 'km'}"


def said(text: str, units: Units) -> str:
    """A text with its quantities in these units; whatever else stands between braces stays as it is. What comes in is
    digits and names of units only: nothing that Markdown or TOML would read as a mark."""
    return _WRITTEN.sub(lambda found: quantity(found[1], units) or found[0], text)
