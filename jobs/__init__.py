"""antifraud: one fraud-entity graph and one accountable blacklist. Start reading at `jobs.pipeline`."""
