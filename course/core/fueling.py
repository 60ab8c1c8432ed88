"""Food and drink around running: ranges, never one dose.

- Carbohydrate by day: light 3-5, about an hour 5-7, long 6-10 g/kg (Burke 2011, J Sports Sci 29(S1):S17-27,
  doi 10.1080/02640414.2011.585473); 1-2 g/kg one to two hours before lies within its 1-4 g/kg, 1-4 h.
- Carbohydrate in a run goes by its time and not by body mass (Jeukendrup 2014, Sports Med 44(S1):S25-33,
  doi 10.1007/s40279-014-0148-z).
- Protein 1.4-2.0 g/kg a day (Jager 2017, JISSN 14:20, doi 10.1186/s12970-017-0177-8), 0.25-0.3 g/kg after a run
  (Thomas 2016, Med Sci Sports Exerc 48(3):543-568).
- Fluid 5-7 mL/kg about 4 h before, and a loss under 2 % of body mass (Sawka 2007, Med Sci Sports Exerc 39(2):377-390,
  doi 10.1249/mss.0b013e31802ca597); 0.4-0.8 L/h is a common plan (Thomas 2016), thirst goes first, and gaining weight
  in a run is the more dangerous error (Almond 2005, N Engl J Med 352:1550-56, doi 10.1056/NEJMoa043901). No source
  gives an amount to drink in a day, so none is given here.
"""

from dataclasses import dataclass
from math import ceil, floor


@dataclass(frozen=True, slots=True)
class Range:
    """Both ends, in whole steps that lie within what the source says."""

    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.low:g}-{self.high:g}"


@dataclass(frozen=True, slots=True)
class PerKg:
    """An amount that goes by body mass: so much in grams or mL a kilogram, told in steps."""

    low: float
    high: float
    step: int

    def of(self, body_kg: float) -> Range:
        """Rounded inwards, so that it never says more, nor less, than the source."""
        low = ceil(round(self.low * body_kg / self.step, 6)) * self.step
        high = floor(round(self.high * body_kg / self.step, 6)) * self.step
        return Range(low, high)


CARBS_EASY_DAY = PerKg(3, 5, 5)
CARBS_HOUR_DAY = PerKg(5, 7, 5)
CARBS_LONG_DAY = PerKg(6, 10, 5)
CARBS_BEFORE = PerKg(1, 2, 5)  # one to two hours before a run of over an hour
PROTEIN_DAY = PerKg(1.4, 2.0, 1)
PROTEIN_AFTER = PerKg(0.25, 0.3, 1)
FLUID_BEFORE = PerKg(5, 7, 25)  # mL, about four hours before
MOST_LOSS = 0.02  # of body mass in a run
FLUID_PER_HOUR = Range(400, 800)  # mL, where thirst does not say otherwise


STRETCHES: tuple[tuple[str, Range | str], ...] = (  # how long a run takes, grams of carbohydrate an hour or in words
    ("Under 45 min", "None needed"),
    ("45-75 min, hard", "A rinse or a few sips"),
    ("1-2.5 hours", Range(30, 60)),
    ("Over 2.5 hours", Range(60, 90)),  # for who has practiced it
)


def most_loss(body_kg: float) -> float:
    """What the body may lose in a run, kg, rounded down to 0.1."""
    return floor(round(MOST_LOSS * body_kg * 10, 6)) / 10
