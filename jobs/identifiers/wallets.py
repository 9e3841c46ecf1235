"""Checks of wallet addresses: EIP-55 (Keccak-256), base58check, bech32 and bech32m (BIP 173, BIP 350)."""

from __future__ import annotations

import hashlib
import re
from functools import cache

_BASE58 = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
_RIPPLE58 = "rpshnaf39wBUDNEGHJKLM4PQRST7VWXYZ2bcdeCg65jkm8oFqi1tuvAxyz"
_BECH32 = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"
_EVM = re.compile(r"0[xX]([0-9a-fA-F]{40})\Z")


def evm_address(address: str) -> str | None:
    """`0x` and 40 lower-case hexadecimal digits; mixed case must be the EIP-55 checksum. None when it is not
    so.
    """
    match = _EVM.match(address)
    if match is None:
        return None
    digits = match[1]
    if digits not in (digits.lower(), digits.upper()) and digits != eip55(digits.lower()):
        return None
    return "0x" + digits.lower()


def eip55(lower: str) -> str:
    """The 40 digits in the case that EIP-55 gives them."""
    mask = keccak_256(lower.encode("ascii")).hex()
    return "".join(c.upper() if int(m, 16) >= 8 else c for c, m in zip(lower, mask, strict=False))


def base58check(address: str, versions: tuple[int, ...], alphabet: str = _BASE58) -> str | None:
    """The address itself when it decodes to one version byte, 20 bytes and their double-SHA-256 check; else
    None.
    """
    raw = base58_bytes(address, alphabet)
    if raw is None or len(raw) != 25 or raw[0] not in versions:
        return None
    check = hashlib.sha256(hashlib.sha256(raw[:21]).digest()).digest()[:4]
    return address if check == raw[21:] else None


def ripple_address(address: str) -> str | None:
    """A classic address of the XRP ledger: base58check with its own alphabet."""
    return base58check(address, (0,), _RIPPLE58)


def solana_address(address: str) -> str | None:
    """32 bytes in base58; the chain has no check."""
    raw = base58_bytes(address, _BASE58)
    return address if raw is not None and len(raw) == 32 else None


def base58_bytes(text: str, alphabet: str) -> bytes | None:
    """The bytes of `text`, leading zeros included; None when it is empty, too long for any address, or of
    other characters.
    """
    if not 1 <= len(text) <= 64 or any(c not in alphabet for c in text):
        return None
    number = 0
    for char in text:
        number = number * 58 + alphabet.index(char)
    zeros = len(text) - len(text.lstrip(alphabet[0]))
    return bytes(zeros) + number.to_bytes((number.bit_length() + 7) // 8, "big")


def segwit_address(address: str, prefix: str) -> str | None:
    """The address in lower case when prefix, witness version, program length and check hold (BIP 173, BIP
    350).
    """
    if address not in (address.lower(), address.upper()) or len(address) > 90:
        return None
    text = address.lower()
    head, _, tail = text.rpartition("1")
    if head != prefix or len(tail) < 7 or any(c not in _BECH32 for c in tail):
        return None
    values = [_BECH32.index(c) for c in tail]
    program = _eight_bit(values[1:-6])
    expected = 1 if values[0] == 0 else 0x2BC830A3
    if program is None or values[0] > 16 or _polymod(prefix, values) != expected or not 2 <= len(program) <= 40:
        return None
    return None if values[0] == 0 and len(program) not in (20, 32) else text


def _polymod(prefix: str, values: list[int]) -> int:
    generator = (0x3B6A57B2, 0x26508E6D, 0x1EA119FA, 0x3D4233DD, 0x2A1462B3)
    check = 1
    for value in [ord(c) >> 5 for c in prefix] + [0] + [ord(c) & 31 for c in prefix] + values:
        top = check >> 25
        check = (check & 0x1FFFFFF) << 5 ^ value
        for i, term in enumerate(generator):
            check ^= term if top >> i & 1 else 0
    return check


def _eight_bit(fives: list[int]) -> bytes | None:
    """Groups of 5 bits as bytes; None when what is left over is a whole group or not zero."""
    bits = "".join(f"{value:05b}" for value in fives)
    whole = len(bits) // 8 * 8
    rest = bits[whole:]
    if len(rest) > 4 or "1" in rest:
        return None
    return bytes(int(bits[i : i + 8], 2) for i in range(0, whole, 8))


def keccak_256(data: bytes) -> bytes:
    """Keccak-256 as Ethereum uses it: SHA-3's permutation with the padding from before the standard (0x01,
    not 0x06).
    """
    rate = 136
    padded = bytearray(data) + b"\x01" + bytes(-(len(data) + 1) % rate)
    padded[-1] |= 0x80
    lanes = [[0] * 5 for _ in range(5)]
    for start in range(0, len(padded), rate):
        for i in range(rate // 8):
            lanes[i % 5][i // 5] ^= int.from_bytes(padded[start + 8 * i : start + 8 * i + 8], "little")
        _permute(lanes)
    return b"".join(lanes[i % 5][i // 5].to_bytes(8, "little") for i in range(4))


def _permute(a: list[list[int]]) -> None:
    for constant in _round_constants():
        c = [a[x][0] ^ a[x][1] ^ a[x][2] ^ a[x][3] ^ a[x][4] for x in range(5)]
        d = [c[(x - 1) % 5] ^ _rotate(c[(x + 1) % 5], 1) for x in range(5)]
        a[:] = [[a[x][y] ^ d[x] for y in range(5)] for x in range(5)]
        x, y, current = 1, 0, a[1][0]
        for t in range(24):
            x, y = y, (2 * x + 3 * y) % 5
            current, a[x][y] = a[x][y], _rotate(current, (t + 1) * (t + 2) // 2)
        for y in range(5):
            row = [a[x][y] for x in range(5)]
            for x in range(5):
                a[x][y] = row[x] ^ (~row[(x + 1) % 5] & row[(x + 2) % 5])
        a[0][0] ^= constant


def _rotate(value: int, by: int) -> int:
    by %= 64
    return (value << by | value >> (64 - by)) & 0xFFFFFFFFFFFFFFFF


@cache
def _round_constants() -> tuple[int, ...]:
    """From the linear feedback register of FIPS 202, algorithm 5."""
    constants, register = [], 1
    for _ in range(24):
        constant = 0
        for j in range(7):
            register = (register << 1 ^ (register >> 7) * 0x171) % 256
            if register & 2:
                constant ^= 1 << ((1 << j) - 1)
        constants.append(constant)
    return tuple(constants)
