"""An oracle in plain Python, written from the specification alone: what the tables must hold after each night.

Nothing here is imported from `jobs/graph`, `jobs/signals`, `jobs/listing` or `jobs/silver`, so that a difference is
information.
"""
