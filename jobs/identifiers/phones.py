"""Numbering of the mainland: patterns that the rules for columns and the Python reference share.

Mobile numbers and fixed lines are the patterns of libphonenumber's own metadata, so that an update of the
package updates both. Short codes follow the national numbering plan (MIIT, 2017 edition), which
libphonenumber does not describe with a country code.
"""

from __future__ import annotations

import unicodedata
from functools import cache

from phonenumbers import PhoneMetadata

SHORT = (
    "1(?:10|12|14|19|20|22)"  # emergency
    "|12[0-9]{3}|11[168][0-9]{2,3}"  # government and public service lines: 12110, 12345, 11185, 116114
    "|100(?:[0-9]{2}|(?:00|10|86|99)[0-9]{1,3})|101[0-9]{2}|1010[0-9]{4}"  # carriers and service numbers
    "|95[0-9]{3,6}|96[0-9]{3,4}"  # customer service, nationwide and provincial: 95588, 96110
)
BUSINESS = "[48]00[0-9]{7}|950[0-9]{7,8}"
PORT = "106[0-9]{5,17}"
"""106 numbers: sending ports of text messages, 8 to 20 digits."""


@cache
def mainland() -> tuple[str, str]:
    """Two patterns for digits alone: what may follow +86 or 0086, and a number dialled at home, with or
    without 86.

    A 0 may stand before a mobile or an area code. Dialled at home without it, an area's short service line
    (area, then 95xxx) could as well be a local number, so there a fixed line needs its full 10 digits. No
    number begins with 86 or, behind that, with 0: what `PREFIX` takes away is never part of the number.
    """
    mobile_, area, code = mobile(), _with_area(), f"{SHORT}|{BUSINESS}|{PORT}"
    international = f"0?(?:{mobile_}|{area})|{code}"
    at_home = f"0(?:{mobile_}|{area})|{mobile_}|(?=[0-9]{{10}})(?:{area})|{code}"
    return f"(?:{international})", f"(?:86)?(?:{at_home})"


def mobile() -> str:
    """A mobile's number without prefix."""
    return pattern("mobile")


PREFIX = "^(?:[+]86|0086|86)?0?"
"""Country code and trunk 0 of a number that one of the patterns matched."""
FOREIGN = "(?:[+]|00)(?!86)[0-9]{5,18}"


def _with_area() -> str:
    """A fixed line with its area code, without the trunk 0; also an area's service line (area, 95xxx or
    96xxx).
    """
    return f"(?:{pattern('fixed_line')})|(?!400|950|1010)(?:{pattern('shared_cost')})"


@cache
def separators() -> str:
    """Inside of a character class: spaces, brackets and every hyphen, with what NFKC turns into one."""
    hyphens = {chr(code) for code in (*range(0x2010, 0x2016), 0x2212)}
    more = {chr(code) for code in range(0x80, 0x10000) if unicodedata.normalize("NFKC", chr(code)) in hyphens}
    return r" ()\-" + "".join(sorted(hyphens | more))


def pattern(kind: str) -> str:
    """Of libphonenumber's metadata of the mainland, by its name there."""
    metadata = PhoneMetadata.metadata_for_region("CN", None)
    found: str = getattr(metadata, kind).national_number_pattern
    return found.replace(r"\d", "[0-9]")
