"""The agencies and the keys with which they sign (`schemas/agencies.yml`)."""

from __future__ import annotations

import base64
import binascii
from pathlib import Path

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import load_pem_public_key
from pydantic import ValidationError, field_validator

from jobs.core.errors import UserError
from jobs.core.yamlfile import Strict, explain, read_yaml

SIGNATURE_BYTES = 64


class Agency(Strict):
    """One agency. `public_keys`: Ed25519, base64 of 32 bytes or PEM; none means that it has not registered
    one.
    """

    title: str
    public_keys: tuple[str, ...] = ()

    @field_validator("public_keys")
    @classmethod
    def _are_keys(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for text in value:
            _public_key(text)
        return value

    def has_signed(self, data: bytes, signature: bytes) -> bool:
        """Whether one of the agency's keys made this signature of these bytes."""
        raw = _signature(signature)
        return raw is not None and any(_verifies(_public_key(text), raw, data) for text in self.public_keys)


def load_agencies(schemas: Path) -> dict[str, Agency]:
    """Every agency by its folder's name. Raises UserError naming file, line and rule."""
    path = schemas / "agencies.yml"
    data = read_yaml(path)
    if not isinstance(data, dict):
        raise UserError(f"{path}:1: must be a mapping of agencies to what is known of them")
    agencies = {}
    for name, value in data.items():
        try:
            agencies[str(name)] = Agency.model_validate(value)
        except ValidationError as error:
            raise UserError(explain(path, error, lambda loc, at=name: (at, *loc))) from None  # type: ignore[misc]
    return agencies


def _public_key(text: str) -> Ed25519PublicKey:
    try:
        if "BEGIN" in text:
            key = load_pem_public_key(text.encode())
            if isinstance(key, Ed25519PublicKey):
                return key
        else:
            return Ed25519PublicKey.from_public_bytes(base64.b64decode(text, validate=True))
    except (ValueError, binascii.Error):
        pass
    raise ValueError("is not an Ed25519 public key; give base64 of its 32 bytes, or PEM")


def _signature(data: bytes) -> bytes | None:
    if len(data) == SIGNATURE_BYTES:
        return data
    try:
        raw = base64.b64decode(data.strip(), validate=True)
    except (ValueError, binascii.Error):
        return None
    return raw if len(raw) == SIGNATURE_BYTES else None


def _verifies(key: Ed25519PublicKey, signature: bytes, data: bytes) -> bool:
    try:
        key.verify(signature, data)
    except InvalidSignature:
        return False
    return True
