"""The generated pages of docs/reference: feeds, code lists, tables and policy, from `schemas/`."""

from jobs.reference.pages import render_reference, stale_pages, write_reference

__all__ = ["render_reference", "stale_pages", "write_reference"]
