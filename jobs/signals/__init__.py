"""Claims, what they do along the edges, and the score (listing.md, Signals and Score)."""
