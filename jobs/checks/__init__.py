"""Checks: what must hold of feeds and tables beyond types (`expectations/`), judged on aggregates every night."""
