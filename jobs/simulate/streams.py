"""Randomness that comes out the same again: one named stream per purpose, and a hash per row where order
must not matter.
"""

from __future__ import annotations

import hashlib

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]
Flags = NDArray[np.bool_]


class Streams:
    """Independent generators below one seed; a new stream changes no other."""

    def __init__(self, seed: int) -> None:
        self.seed = seed

    def of(self, name: str) -> np.random.Generator:
        """A fresh PCG64 generator that depends on the seed and the name alone."""
        return np.random.Generator(np.random.PCG64(np.random.SeedSequence(self.seed, spawn_key=_words(name))))

    def uniform(self, name: str, rows: Ints) -> NDArray[np.float64]:
        """A number in [0, 1) for each row index: the same whatever other rows are asked for (splitmix64)."""
        salt = np.uint64(int.from_bytes(hashlib.blake2b(f"{self.seed}/{name}".encode(), digest_size=8).digest(), "big"))
        with np.errstate(over="ignore"):
            x = rows.astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15) + salt
            x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
            x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
            x ^= x >> np.uint64(31)
        return (x >> np.uint64(11)).astype(np.float64) / float(1 << 53)


class Pool:
    """Numbers of [0, size), each given out once, in an order that looks random: x = (a·i + b) mod size, a
    coprime to size.
    """

    def __init__(self, size: int, rng: np.random.Generator) -> None:
        self.size = size
        self.used = 0
        low = min(size - 1, 1 << 29)
        self.factor = int(rng.integers(low // 2, low)) | 1
        while np.gcd(self.factor, size) != 1:
            self.factor += 2
        self.offset = int(rng.integers(0, size))

    def take(self, count: int) -> Ints:
        """The next `count` numbers. Raises ValueError when the pool is empty: the world is too big for its
        numbering.
        """
        if self.used + count > self.size:
            raise ValueError(f"only {self.size} different values exist, and {self.used + count} are wanted")
        index = np.arange(self.used, self.used + count, dtype=np.int64)
        self.used += count
        return (index * self.factor + self.offset) % self.size


def _words(name: str) -> tuple[int, ...]:
    digest = hashlib.blake2b(name.encode(), digest_size=16).digest()
    return tuple(int.from_bytes(digest[i : i + 4], "big") for i in range(0, 16, 4))
