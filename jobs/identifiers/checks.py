"""Check characters, in Python. The column expressions of normalise.py compute the same; the tests hold them
equal.
"""

from __future__ import annotations

from operator import mul

USCC_ALPHABET = "0123456789ABCDEFGHJKLMNPQRTUWXY"
"""GB 32100-2015: without I O S V Z."""
NATIONAL_ID_WEIGHTS = tuple(pow(2, 17 - i, 11) for i in range(17))
NATIONAL_ID_CHECKS = "10X98765432"
USCC_WEIGHTS = tuple(pow(3, i, 31) for i in range(17))


def luhn_sum(digits: str) -> int:
    """ISO/IEC 7812-1 annex B: every second digit from the right doubled and its digits added. Valid when a
    multiple of 10.
    """
    return sum(int(d) if i % 2 == 0 else (int(d) * 2) % 10 + int(d) // 5 for i, d in enumerate(reversed(digits)))


def luhn_digit(digits: str) -> str:
    """The digit that makes `digits` followed by it valid."""
    return str(-luhn_sum(digits + "0") % 10)


def national_id_check(first_17: str) -> str:
    """ISO 7064 MOD 11-2, as in GB 11643-1999."""
    return NATIONAL_ID_CHECKS[sum(map(mul, map(int, first_17), NATIONAL_ID_WEIGHTS)) % 11]


def uscc_check(first_17: str) -> str:
    """MOD 31 of GB 32100-2015. All characters are of its alphabet."""
    total = sum(USCC_ALPHABET.index(c) * w for c, w in zip(first_17, USCC_WEIGHTS, strict=True))
    return USCC_ALPHABET[-total % 31]
