"""The real engine through 90 virtual days of faults, crashes and changes of mind, seed by seed."""

import os

import pytest

from tests.simulation.simulate import simulate

TENTH = 10
LONG = [pytest.mark.long, pytest.mark.skipif("COURSE_LONG" not in os.environ, reason="COURSE_LONG=1 runs it")]


@pytest.mark.parametrize(
    "first", [*range(1, 51, TENTH), *(pytest.param(n, marks=LONG) for n in range(51, 2001, TENTH))]
)
def test_nothing_is_sent_twice_lost_early_or_to_who_left(first: int) -> None:
    for seed in range(first, first + TENTH):
        result = simulate(seed)
        assert not result.violations, result.text
