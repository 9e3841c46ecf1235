"""Bronze: every record as delivered, as text, with its file and number."""
