"""Quantities in the reader's units: what an author wrote, its twin as people say it, and nothing else touched."""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from course.core.units import UNITS, Units, quantity, said

relaxed = settings(max_examples=200, deadline=None)
CASES = {  # written -> (metric, the other)
    "10 km": ("10 km", "6.2 mi"),
    "24 km": ("24 km", "15 mi"),
    "12.1 km": ("12.1 km", "7.5 mi"),
    "21.1 km": ("21.1 km", "13.1 mi"),
    "3 mi": ("4.8 km", "3 mi"),
    "1.5 km": ("1.5 km", "0.9 mi"),
    "8-10 km": ("8-10 km", "5-6.2 mi"),
    "70 kg": ("70 kg", "154 lb"),
    "250 mL": ("250 mL", "8 fl oz"),
    "17 fl oz": ("500 mL", "17 fl oz"),
    "20 cm": ("20 cm", "8 in"),
    "7:00/km": ("7:00/km", "11:16/mi"),
    "10:00/mi": ("6:13/km", "10:00/mi"),
}


@pytest.mark.parametrize("written", CASES)
def test_a_quantity_is_said_in_the_readers_units(written: str) -> None:
    metric, other = CASES[written]
    assert quantity(written, Units.KM) == metric
    assert quantity(written, Units.MI) == other
    assert quantity(written, Units.BOTH) == f"{other} ({metric})"


@pytest.mark.parametrize("written", ["10km", " 10  km", "10 - 12 km", "10\u201312 km"])
def test_blanks_and_dashes_do_not_matter_much(written: str) -> None:
    assert (quantity(written, Units.KM) is None) == ("  " in written.strip())


@pytest.mark.parametrize(
    "written",
    ["10", "km", "10 kms", "-3 km", "12-10 km", "10-10 km", "1e3 km", "10,5 km", "10 km km", "7:60/km", "7/km", "٣ km",
     "10 ft", "99999 km", "{{ 10 km }}", "10 km}", "<b>", "7*7"],
)  # fmt: skip
def test_what_is_no_quantity_stays_as_it_was_written(written: str) -> None:
    assert quantity(written, Units.KM) is None
    text = f"a {{{{ {written} }}}} b"
    assert said(text, Units.BOTH) == text or "{{ 10 km }}" in written


@relaxed
@given(st.integers(1, 9999), st.integers(0, 99), st.sampled_from(list(UNITS)))
def test_there_and_back_is_the_same_within_rounding(whole: int, hundredths: int, name: str) -> None:
    """km -> mi -> km: off by no more than the twin's last digit is worth."""
    unit, number = UNITS[name], f"{whole}.{hundredths:02d}" if whole < 1000 else str(whole)
    units, back = (Units.MI, Units.KM) if unit.is_metric else (Units.KM, Units.MI)
    twin = quantity(f"{number} {name}", units)
    assert twin
    assert twin.endswith(f" {unit.twin}")
    value = float(twin.removesuffix(f" {unit.twin}"))
    digit = {"in": 1, "cm": 1, "fl oz": 1, "mL": 25}.get(unit.twin, 0.1 if "." in number or value < 10 else 1)
    assert value == pytest.approx(float(number) * unit.times, abs=digit / 2 + 1e-6)
    if 0 < value < 9000 and re.fullmatch(r"\d{1,4}(\.\d{1,2})?", f"{value:g}"):
        again = quantity(f"{value:g} {unit.twin}", back)
        assert again
        there = float(again.removesuffix(f" {name}"))
        step = {"in": 1, "cm": 1, "fl oz": 1, "mL": 25}.get(name, 1)
        assert there == pytest.approx(float(number), abs=digit / 2 / unit.times + step / 2 + 1e-6)


@relaxed
@given(st.text(alphabet="{} 0123456789.-:/kmilbfozLg\n*_[]()", max_size=60), st.sampled_from(Units))
def test_only_digits_and_names_of_units_ever_come_in(text: str, units: Units) -> None:
    """Nothing that is a mark in Markdown or TOML, so a lesson is read as before."""
    marks = re.compile(r"[*_\[\]\"\\<>`#\n]")
    assert marks.findall(said(text, units)) == marks.findall(text)


def test_a_text_that_never_ends_is_read_in_no_time() -> None:
    assert said("{{ 1" * 20_000, Units.KM) == "{{ 1" * 20_000
    assert said("{{" + " " * 20_000 + "1", Units.KM)
