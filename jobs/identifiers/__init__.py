"""Identifiers: one normal form each (spec/identifiers.md), their keyed ids, and what is never listed."""
