"""Silver: what was delivered, parsed and checked against its contract; the rest set aside with every
reason (spec/feeds.md).
"""
