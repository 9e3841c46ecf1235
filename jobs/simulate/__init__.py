"""A fraud world of invented people: what the four agencies would deliver, night by night, and the truth
beside it.
"""

from jobs.simulate.job import Truth, simulate
from jobs.simulate.knobs import Knobs

__all__ = ["Knobs", "Truth", "simulate"]
