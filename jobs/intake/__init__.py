"""Intake: accept or refuse each delivery whole, and keep exactly the bytes that were accepted."""
