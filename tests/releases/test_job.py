"""Nights through the stage: versions, changes, holds, and what a night that died leaves behind."""

import gzip
import io
import json
import shutil
from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow.parquet as pq
import pytest

from jobs.core.contracts import load_codes, load_contracts
from jobs.core.frames import of_rows, schema_of
from jobs.core.lake import Lake
from jobs.core.night import Night, StageReport
from jobs.core.schema import load_tables
from jobs.core.settings import ROOT, Settings
from jobs.policy import load_policy
from jobs.releases.changes import apply_changes
from jobs.releases.job import run
from jobs.releases.recipients import Recipient
from jobs.releases.setdigest import SetDigest, digest_set

CONTRACTS = load_contracts(ROOT / "schemas")
TABLES = load_tables(ROOT / "schemas", CONTRACTS)
EARLIER = datetime(2025, 3, 1, tzinfo=UTC)


def no_spark() -> Any:
    raise AssertionError("the stage needs no Spark")


def frame(table: str, rows: list[dict[str, Any]]) -> pl.DataFrame:
    """Rows of a table; what they leave out is null."""
    schema = schema_of(TABLES[table].ddl)
    return of_rows(schema, [{name: row.get(name) for name in schema} for row in rows])


class World:
    """A lake with the tables that the stage reads, and nights over it."""

    def __init__(self, root: Path, recipients: dict[str, Recipient], key: bytes) -> None:
        self.settings = Settings(lake=str(root / "lake"), releases=str(root / "releases"))
        self.releases = root / "releases"
        self.recipients, self.key = recipients, key
        self.lake = Lake(no_spark, self.settings.lake, TABLES)

    def put(self, table: str, rows: list[dict[str, Any]]) -> None:
        self.lake.replace(table, frame(table, rows))

    def night(self, on: date) -> tuple[Night, StageReport]:
        """One run of the stage; nothing is committed."""
        policy = load_policy(ROOT / "schemas", "default")
        night = Night(
            spark=no_spark, lake=self.lake, settings=self.settings, on=on, contracts=CONTRACTS,
            codes=load_codes(ROOT / "schemas"),
            policy=policy, recipients=self.recipients, key=self.key,
        )  # fmt: skip
        return night, run(night)

    def commit(self, night: Night, is_switched: bool = True) -> None:
        """The commit point, and right after it what makes releases visible, unless the process dies in
        between.
        """
        row = {
            "night_on": night.on,
            "run_id": "r",
            "pins": {},
            "releases": night.scratch["releases"],
            "committed_at": night.instant,
        }
        self.lake.append("ops.nights", frame("ops.nights", [row]))
        for switch in night.after_commit if is_switched else []:
            switch()

    def latest(self, recipient: str) -> int | None:
        path = self.releases / recipient / "latest.json"
        return json.loads(path.read_bytes())["version"] if path.exists() else None

    def manifest(self, recipient: str, version: int) -> dict[str, Any]:
        found: dict[str, Any] = json.loads((self.releases / recipient / str(version) / "manifest.json").read_bytes())
        return found

    def table(self, recipient: str, version: int, name: str) -> Any:
        return pq.read_table(io.BytesIO((self.releases / recipient / str(version) / f"{name}.parquet").read_bytes()))

    def tree(self) -> dict[str, bytes]:
        files = (path for path in self.releases.rglob("*") if path.is_file())
        return {str(path.relative_to(self.releases)): path.read_bytes() for path in files}


@pytest.fixture
def world(
    tmp_path: Path,
    recipients: dict[str, Recipient],
    key: bytes,
    values: list[tuple[int, str]],
) -> World:
    made = World(tmp_path, recipients, key)
    seen = [(node, value, day) for node, value in values for day in (date(2026, 9, 1), date(2026, 8, 1))]
    vault = [{"node_id": node, "type": "any", "value": value, "first_seen_on": day} for node, value, day in seen]
    made.put("vault.identifiers", vault)
    edges = [(1, 101, True), (101, 102, True), (2, 201, True), (201, 202, False)]
    made.put("graph.edges", [{"kind": "sim", "from_id": a, "to_id": b, "is_live": live} for a, b, live in edges])
    return made


def active(listings: list[dict[str, Any]], **changes: dict[str, Any]) -> list[dict[str, Any]]:
    return [{**row, "status": "active", **changes.get(row["listing_id"], {})} for row in listings]


@pytest.mark.timeout(300)
def test_nights_of_releases(
    world: World, examples: list[dict[str, Any]], listing: Callable[..., dict[str, Any]], tmp_path: Path
) -> None:
    """One story, since each night costs seconds: first night, changes, a death before and after the commit, a
    hold, a re-run.
    """
    world.put("blacklist.listings", active(examples))

    # The first night: everybody with something gets version 1, nobody sees it before the commit.
    first, report = world.night(date(2026, 10, 1))
    assert first.scratch["releases"] == dict.fromkeys(
        ["abc", "alipay", "cbn", "cmcc", "cnnic", "ctcc", "cucc", "icbc", "mps", "qq", "wechat"], 1
    )
    assert (report.rows_in, report.rows_out, report.notes) == (13, 16, [])
    assert world.latest("cmcc") is None
    phone = world.table("cmcc", 1, "snapshot").to_pylist()[0]
    assert (phone["identifier"], phone["tenure_from"], phone["imsi"], phone["iccid"]) == (
        "+8613800000001", EARLIER, ["460000000000101"], ["89860000000000000102"],
    )  # fmt: skip
    other = world.table("cucc", 1, "snapshot").to_pylist()[0]
    assert (other["imsi"], other["iccid"]) == (["460010000000201"], None)  # the card is no longer in that SIM
    assert world.manifest("mps", 1)["created"] == "2026-10-01T16:00:00Z"

    # It died before the commit: the next start makes the same bytes anew, and half-written folders go.
    written = world.tree()
    (world.releases / "cmcc" / ".staging-1-1").mkdir()
    again, _ = world.night(date(2026, 10, 1))
    assert world.tree() == written
    assert not (world.releases / "cmcc" / ".staging-1-1").exists()

    # Committed, but it died before the switch: the next night finishes that first and builds on it.
    world.commit(again, is_switched=False)
    assert world.latest("icbc") is None
    now = active(
        examples,
        L04={"measure": "restrict", "reasons": ["verification_overdue"], "due_on": None},
        L05={"status": "released", "released_on": date(2026, 10, 2), "release_reason": "appeal_upheld"},
        L06={"administrator": "icbc", "issuer": "icbc"},
        L10={"outcome": "not_ours"},
    )
    world.put("blacklist.listings", now)
    world.put("blacklist.set_aside", [{"listing_id": "L03", "recipient_id": "cmcc", "outcome": "closed"}])
    second, _ = world.night(date(2026, 10, 2))
    assert world.latest("icbc") == 1
    assert second.scratch["releases"]["icbc"] == 2
    world.commit(second)
    assert world.latest("icbc") == 2
    told = {
        name: [
            (row["listing_id"], row["change"], row["release_reason"])
            for row in world.table(name, 2, "changes").to_pylist()
        ]
        for name in ("icbc", "abc", "cnnic", "cmcc", "cucc")
    }
    assert told == {
        "icbc": [("L04", "CHANGE", None), ("L05", "RELEASE", "appeal_upheld"), ("L06", "ADD", None)],
        "abc": [("L06", "RELEASE", "moved")],
        "cnnic": [("L10", "RELEASE", "not_ours")],
        "cmcc": [("L03", "RELEASE", "acted")],
        "cucc": [],
    }
    for name, version in second.scratch["releases"].items():
        manifest = world.manifest(name, version)
        expected = SetDigest(**manifest["set_digest"])
        applied = apply_changes(world.table(name, version - 1, "snapshot"), world.table(name, version, "changes"))
        assert digest_set(applied, expected.key) == expected
        assert digest_set(world.table(name, version, "snapshot"), expected.key) == expected
        assert manifest["previous_version"] == version - 1

    # The committed night again: nothing new is published and nothing published changes.
    published = world.tree()
    repeated, report = world.night(date(2026, 10, 2))
    assert repeated.scratch["releases"] == second.scratch["releases"]
    assert report.notes == ["nothing published: the night of 2026-10-02 is committed with its releases"]
    earlier, _ = world.night(date(2026, 10, 1))
    assert earlier.scratch["releases"] == {}
    assert world.tree() == published

    # A protected identifier holds one release; an upheld appeal goes out all the same; others are not held.
    world.put("graph.identifiers", [{"node_id": 4, "type": "bank_account", "protected_reason": "clearing_account"}])
    lifted = {"status": "released", "released_on": date(2026, 10, 3), "release_reason": "appeal_upheld"}
    world.put("blacklist.listings", active(now, L04={"reason_en": "Something else"}, L05=now[4], L06=lifted))
    third, report = world.night(date(2026, 10, 3))
    assert third.scratch["held"] == {"icbc": "1 protected identifier in it (clearing_account)"}
    outcome = "version 3 is version 2 without 1 that may not wait; a person must look"
    assert report.notes == [f"held: icbc: {third.scratch['held']['icbc']}; {outcome}"]
    assert world.manifest("icbc", 3)["content"] == "removals_only"
    assert world.table("icbc", 3, "snapshot")["listing_id"].to_pylist() == ["L04"]
    assert world.table("icbc", 3, "snapshot")["reason_en"].to_pylist() != ["Something else"]
    assert world.manifest("cmcc", 3)["content"] == "full"
    assert world.lake.frame("blacklist.held_back").is_empty()  # what is still due was told
    world.commit(third)

    # Held with nothing to remove: the last good version stays the latest and is pinned again.
    fourth, report = world.night(date(2026, 10, 4))
    assert (fourth.scratch["releases"]["icbc"], fourth.scratch["releases"]["cmcc"]) == (3, 4)
    assert "version 3 stays the latest" in report.notes[0]
    world.commit(fourth)
    assert (world.latest("icbc"), world.latest("cmcc")) == (3, 4)

    # A damaged last version, and another that is lost: both start anew, and it is said.
    world.put("graph.identifiers", [])
    (world.releases / "qq" / "4" / "snapshot.parquet").write_bytes(b"spoiled")
    shutil.rmtree(world.releases / "wechat" / "4")
    fifth, report = world.night(date(2026, 10, 5))
    assert fifth.scratch["releases"]["qq"] == fifth.scratch["releases"]["wechat"] == 5
    assert world.manifest("qq", 5)["previous_version"] is None
    assert world.manifest("wechat", 5)["previous_version"] is None
    assert [note.partition(":")[0] for note in report.notes] == ["wechat", "qq"]
    assert (
        published.items()
        <= {
            **world.tree(),
            **{name: published[name] for name in published if name.endswith("latest.json")},
        }.items()
    )
    assert gzip.decompress((world.releases / "icbc" / "4" / "worklist.csv.gz").read_bytes()).count(b"\n") == 1

    world.commit(fifth)

    # A failed check of a feed holds whoever has, or had, listings that rest on its agency; an earlier night's holds nobody.
    failed = {"severity": "fail", "is_ok": False, "rule_id": "volume_low"}
    feed = {**failed, "night_on": date(2026, 10, 6), "subject": "finance/payment_controls", "holds": "finance"}
    table = {**failed, "night_on": date(2026, 10, 5), "subject": "graph.edges", "holds": "everyone"}
    world.put("ops.checks", [feed, table, {**table, "night_on": date(2026, 10, 6), "severity": "warn", "holds": None}])
    gone = {
        "status": "released",
        "released_on": date(2026, 10, 6),
        "release_reason": "withdrawn",
        "agencies": ["finance"],
    }
    world.put("blacklist.listings", active(examples, L08=gone, L09={"agencies": ["finance", "telecom"]}))
    sixth, _ = world.night(date(2026, 10, 6))
    assert sixth.scratch["held"] == dict.fromkeys(
        ["qq", "wechat"], "failed check (finance/payment_controls: volume_low)"
    )

    # A failed check of a table holds everybody.
    world.put("ops.checks", [{**table, "night_on": date(2026, 10, 6)}])
    again, _ = world.night(date(2026, 10, 6))
    assert set(again.scratch["held"]) == set(first.scratch["releases"])
    assert set(world.lake.frame("blacklist.held_back").rows()) == {
        ("L04", "icbc"),
        ("L05", "icbc"),
        ("L06", "abc"),
        ("L10", "cnnic"),
    }  # of what is due, what the last version does not say
