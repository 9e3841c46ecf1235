"""Plumbing that knows nothing of fraud: settings, contracts, tables, the Spark session, a night's bookkeeping."""
