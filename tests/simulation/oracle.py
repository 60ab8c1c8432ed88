"""The oracle: what must be true of a run, whatever went wrong in it. Pure functions; each yields what it finds wrong.

The rules are I1 to I12 of the fault catalogue and the goal of the simulation (once.py, truth.py, wishes.py and
timing.py). They look at rows, at the provider's ledger and at what people did, never at the engine's own opinion, and
share no code with it.
"""

from tests.simulation import once, timing, truth, wishes
from tests.simulation.reading import Violation
from tests.simulation.records import Run

RULES = (*once.RULES, *truth.RULES, *wishes.RULES, *timing.RULES)


def violations(run: Run) -> list[Violation]:
    """Everything that is wrong with a run, the first of it first."""
    found = [Violation(*one) for one in run.misfit]
    return sorted(found or (violation for rule in RULES for violation in rule(run)))
