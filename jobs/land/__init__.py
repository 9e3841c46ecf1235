"""`antifraud land`: a file as its publisher publishes it becomes a delivery in the landing area."""

from jobs.land.job import LandReport, land

__all__ = ["LandReport", "land"]
