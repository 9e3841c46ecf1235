"""A candidate policy on the last night, beside the live one; nothing of it reaches the lake."""
