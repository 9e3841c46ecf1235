"""Numbers of deliveries: repeats, forks, gaps and the chain of hashes, from what one feed has delivered so
far.

A number that comes again with the same content is a repeat; with other content a fork, and what was taken
first stands. Whether a delivery is taken never depends on its neighbours, so that any order of arrival ends
in the same tables: a gap, or a chain that names another delivery before it than the one that was taken, is a
warning.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from jobs.intake.manifest import Manifest


@dataclass(frozen=True)
class Known:
    """A delivery that was taken: its number, id, the hash it names before it, and what makes its content."""

    sequence: int
    delivery_id: str
    sha256: str
    content: tuple[Any, ...]


@dataclass
class Numbers:
    """What one feed has delivered. `hashes`: for a number, the hashes of every manifest with that content."""

    taken: dict[int, Known] = field(default_factory=dict)
    ids: dict[str, int] = field(default_factory=dict)
    hashes: dict[int, set[str]] = field(default_factory=dict)

    def add(self, known: Known) -> None:
        """Note a delivery as taken."""
        self.taken[known.sequence] = known
        self.ids.setdefault(known.delivery_id, known.sequence)
        self.also(known.sequence, known.sha256)

    def also(self, sequence: int, sha256: str) -> None:
        """Note another manifest with this number and the same content."""
        self.hashes.setdefault(sequence, set()).add(sha256)

    def same_number(self, manifest: Manifest) -> Known | None:
        return self.taken.get(manifest.sequence)

    def warnings(self, manifest: Manifest) -> list[str]:
        """What its agency should look at, judged before it is added."""
        found = []
        newest = max(self.taken, default=None)
        if newest is not None and manifest.sequence > newest + 1:
            first, last = newest + 1, manifest.sequence - 1
            found.append(
                f"gap: number {first} is missing" if first == last else f"gap: numbers {first} to {last} are missing"
            )
        before = self.hashes.get(manifest.sequence - 1)
        if before is not None and manifest.previous_sha256 not in before:
            found.append(f"chain: previous_sha256 is not the manifest of number {manifest.sequence - 1} that was taken")
        if (used := self.ids.get(manifest.delivery_id)) is not None:
            found.append(f"delivery_id was used before, by number {used}")
        return found
