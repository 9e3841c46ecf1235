"""Who pulls what: `schemas/recipients/*.yml`, one recipient each."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Literal

from pydantic import Field, model_validator

from jobs.core.contracts import CodeList, load_codes
from jobs.core.errors import UserError
from jobs.core.yamlfile import Strict, load_model

Kind = Literal["carrier", "bank", "payment_institution", "platform", "registrar", "public_security"]
Type = Literal[
    "national_id", "uscc", "passport", "other_document", "phone", "imei", "bank_card", "bank_account",
    "payment_account", "internet_account", "domain", "url", "crypto_wallet",
]  # fmt: skip

AGENCY_OF_KIND: dict[str, str] = {
    "carrier": "telecom", "bank": "finance", "payment_institution": "finance", "platform": "internet",
    "registrar": "internet", "public_security": "public_security",
}  # fmt: skip
# By which word a recipient of a kind says what it administers, and the code list that its code stands on.
CODED: dict[str, tuple[str, str]] = {
    "carrier": ("carrier", "carriers"),
    "bank": ("institution_id", "institutions"),
    "payment_institution": ("institution_id", "institutions"),
    "platform": ("platform", "platforms"),
}
_ACCOUNTS = ("bank_account", "bank_card", "payment_account")
_TYPES_OF_KIND: dict[str, tuple[str, ...]] = {
    "carrier": ("phone", "imei"), "bank": _ACCOUNTS, "payment_institution": _ACCOUNTS,
    "platform": ("internet_account",),
}  # fmt: skip
BY_TYPE = ("national_id", "uscc", "passport", "other_document", "domain", "url", "crypto_wallet")
TO_EVERY_CARRIER = "imei"


class Administers(Strict):
    """What a recipient is the administrator of: exactly one of these."""

    carrier: str | None = None
    institution_id: str | None = None
    platform: str | None = None
    types: tuple[Type, ...] = ()

    @model_validator(mode="after")
    def _one(self) -> Administers:
        given = [value for value in (self.carrier, self.institution_id, self.platform, self.types) if value]
        if len(given) != 1:
            raise ValueError("give exactly one of carrier, institution_id, platform and types")
        return self


class Recipient(Strict):
    """One recipient: what it administers, through which agency's feed it answers, and how identifiers reach
    it.
    """

    id: str = Field(pattern=r"^[a-z0-9][a-z0-9_]*$")
    title: str = Field(min_length=1)
    kind: Kind
    agency: Literal["telecom", "finance", "internet", "public_security"]
    administers: Administers
    formats: tuple[Literal["csv", "parquet"], ...] = Field(min_length=1)
    identifiers: Literal["clear", "digest"]

    @property
    def types(self) -> tuple[str, ...]:
        """Types of identifier that may stand in its release; nothing else ever does."""
        return _TYPES_OF_KIND.get(self.kind, tuple(self.administers.types))

    @property
    def outcomes_feed(self) -> str | None:
        """The feed that brings its outcomes; public security has none, it speaks by decisions."""
        return None if self.agency == "public_security" else f"{self.agency}/measure_outcomes"

    @model_validator(mode="after")
    def _fits_its_kind(self) -> Recipient:
        if self.agency != AGENCY_OF_KIND[self.kind]:
            raise ValueError(f"agency of a {self.kind} is {AGENCY_OF_KIND[self.kind]}, not {self.agency}")
        if self.kind in CODED:
            word = CODED[self.kind][0]
            code = getattr(self.administers, word)
            if code is None:
                raise ValueError(f"administers of a {self.kind} names its {word}")
            if code != self.id:
                raise ValueError(f"id of a {self.kind} is the {word} that it administers: '{code}', not '{self.id}'")
        elif not self.administers.types:
            raise ValueError(f"administers of a {self.kind} names its types")
        elif wrong := sorted(set(self.administers.types) - set(BY_TYPE)):
            raise ValueError(f"administers: {', '.join(wrong)} go by carrier, institution or platform, not by type")
        return self


def load_recipients(schemas: Path) -> dict[str, Recipient]:
    """Every recipient by id. Raises UserError naming the file, or the code or type that has no recipient or
    several.
    """
    recipients: dict[str, Recipient] = {}
    for path in sorted((schemas / "recipients").glob("*.yml")):
        recipient = load_model(path, Recipient)
        if path.stem != recipient.id:
            raise UserError(f"{path}:1: holds '{recipient.id}', so the file must be called {recipient.id}.yml")
        recipients[recipient.id] = recipient
    check_recipients(recipients, load_codes(schemas), schemas / "recipients")
    return recipients


def check_recipients(recipients: Mapping[str, Recipient], codes: Mapping[str, CodeList], folder: Path) -> None:
    """Every code of the carriers, institutions and platforms, and every type that goes by type, has exactly
    one recipient.
    """
    for words, listed in sorted(set(CODED.values())):
        if listed not in codes:
            raise UserError(
                f"{folder}: there is no code list schemas/codes/{listed}.yml to hold the recipients against"
            )
        kinds = {kind for kind, coded in CODED.items() if coded == (words, listed)}
        have = {recipient.id for recipient in recipients.values() if recipient.kind in kinds}
        known = set(codes[listed].codes)
        if missing := sorted(known - have):
            raise UserError(
                f"{folder}: no recipient for {', '.join(missing)} of schemas/codes/{listed}.yml; write {missing[0]}.yml"
            )
        if extra := sorted(have - known):
            raise UserError(
                f"{folder}/{extra[0]}.yml: '{extra[0]}' is not a code of schemas/codes/{listed}.yml; "
                "add it there or remove it"
            )
        for code, attributes in codes[listed].codes.items():
            if attributes.get("kind", recipients[code].kind) != recipients[code].kind:
                raise UserError(
                    f"{folder}/{code}.yml: kind is {recipients[code].kind}, but schemas/codes/{listed}.yml "
                    f"says {attributes['kind']}; mend the one that is wrong"
                )
    for kind in BY_TYPE:
        takers = sorted(recipient.id for recipient in recipients.values() if kind in recipient.administers.types)
        if len(takers) != 1:
            who = "nobody" if not takers else " and ".join(takers)
            raise UserError(
                f"{folder}: {kind} is administered by {who}; exactly one recipient must name it in its types"
            )


def administrators_by_type(recipients: Mapping[str, Recipient]) -> dict[str, str]:
    """Type -> recipient, for the types that one recipient administers whoever issued them (domains,
    documents, wallets).
    """
    return {kind: recipient.id for recipient in recipients.values() for kind in recipient.administers.types}
