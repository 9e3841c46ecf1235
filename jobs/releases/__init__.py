"""What downstream systems pull: one folder per recipient and version, published atomically."""
