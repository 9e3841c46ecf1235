"""What a person did wrong, as opposed to what we did wrong."""


class UserError(Exception):
    """One clear sentence for the person who typed the command; the CLI prints it and exits with 2, without a traceback."""


class LakeBusy(UserError):
    """Another process holds the lake's lock; the CLI exits with 75 (EX_TEMPFAIL), so that a scheduler may try again."""
