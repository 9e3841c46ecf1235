"""The command over a small committed lake, made here without Spark: one confirmed case of a city, which names one account."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow as pa
import pytest
from deltalake import DeltaTable, write_deltalake

from jobs.cli import main
from jobs.core.settings import ROOT
from jobs.shadow.run import Shadow, shadow
from jobs.shadow.show import render
from tests.signals.rows import TABLES, table

ACCOUNT = 10
SETTINGS_FILE = 'lake = "lake"\nkey_file = "secrets/node-id.key"\n'
DEFAULT = (ROOT / "schemas" / "policy" / "default.yml").read_text("utf-8")
Policy = Callable[[str, str], Path]

CASE = {
    "record_id": "r1", "op": "upsert", "recorded_at": "2026-10-01", "sequence": 1, "delivery_id": "d1", "file": "f", "line": 1, "business_date": "2026-10-01",
    "night_on": "2026-10-01", "frees_only": False, "case_id": "c1", "fraud_type": "fake_investment", "occurred_at": "2026-09-20", "occurred_at_is_day": True,
    "reported_at": "2026-09-25", "reported_at_is_day": True, "finding": "confirmed", "authority_level": "city", "finding_ref": "x",
    "involved": [{"role": "offender", "issuer": "icbc", "identifier_type": "bank_account", "identifier_id": ACCOUNT}],
}  # fmt: skip
OWN = {"node_id": ACCOUNT, "type": "bank_account", "scope": "icbc", "first_seen_on": "2026-10-01", "is_guarded": False}


@dataclass
class SmallLake:
    """Nights written one after another as the runner commits them."""

    root: Path
    pins: dict[str, int] = field(default_factory=dict)

    def commit(self, on: date, **tables: list[dict[str, Any]]) -> None:
        """Put these rows in place of what the tables hold, and commit the night."""
        for given, rows in tables.items():
            name = given.replace("__", ".", 1)
            write_deltalake(self.root / name.replace(".", "/"), table(name, rows).to_arrow(), mode="overwrite")
            self.pins[name] = DeltaTable(self.root / name.replace(".", "/")).version()
        self._append_night(on)

    def _append_night(self, on: date) -> None:
        maps = pa.map_(pa.string(), pa.int64())
        row = {
            "night_on": pa.array([on]), "run_id": pa.array(["run"]), "pins": pa.array([list(self.pins.items())], maps),
            "policy_version": pa.array(["default 0.9.0"]), "contracts_digest": pa.array(["x"]), "seconds": pa.array([1.0]),
            "notes": pa.array([[]], pa.list_(pa.string())), "releases": pa.array([[]], maps),
            "committed_at": pa.array([datetime(on.year, on.month, on.day, 20, tzinfo=UTC)], pa.timestamp("us", "UTC")),
        }  # fmt: skip
        assert list(row) == TABLES["ops.nights"].names
        write_deltalake(self.root / "ops" / "nights", pa.table(row), mode="append")


@pytest.fixture
def lake(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> SmallLake:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "antifraud.toml").write_text(SETTINGS_FILE, "utf-8")
    (tmp_path / "secrets").mkdir()
    (tmp_path / "secrets" / "node-id.key").write_bytes(bytes(32))
    return SmallLake(tmp_path / "lake")


@pytest.fixture
def policy(tmp_path: Path) -> Policy:
    def write(old: str, new: str) -> Path:
        assert old in DEFAULT
        path = tmp_path / "candidate.yml"
        path.write_text(DEFAULT.replace(old, new).replace('version: "1.0.0"', 'version: "2.0.0"'), "utf-8")
        return path

    return write


@pytest.fixture
def stricter(policy: Policy) -> Path:
    """Only a province's finding closes."""
    return policy("finding_close_from: city", "finding_close_from: province")


def digest(root: Path) -> str:
    """Of every file of a lake, by name and content."""
    files = sorted(path for path in root.rglob("*") if path.is_file())
    return hashlib.sha256(b"".join(str(path).encode() + path.read_bytes() for path in files)).hexdigest()


def antifraud(*arguments: str) -> int:
    with pytest.raises(SystemExit) as ended:
        main(list(arguments))
    assert isinstance(ended.value.code, int)
    return ended.value.code


def played(candidate: str | Path) -> Shadow:
    from jobs.core.settings import load_settings

    return shadow(load_settings(environ={}), str(candidate), lambda text: None)


def test_a_stricter_candidate_moves_the_account_and_the_lake_is_as_it_was(lake: SmallLake, stricter: Path) -> None:
    lake.commit(date(2026, 10, 1), silver__public_security__case_reports=[CASE], graph__identifiers=[OWN])
    before = digest(lake.root)
    found = played(stricter)
    assert found.comparison.rows.select("change", "node_id", "live_measure", "measure", "test").rows() == [
        ("move", ACCOUNT, "close", "suspend", "finding")
    ]
    assert (found.on, found.live, found.candidate) == (date(2026, 10, 1), "default 1.0.0", "default 2.0.0")
    assert digest(lake.root) == before


def test_the_live_policy_beside_itself_changes_nothing(lake: SmallLake) -> None:
    lake.commit(date(2026, 10, 1), silver__public_security__case_reports=[CASE], graph__identifiers=[OWN])
    found = played("default")
    assert (found.comparison.rows.height, found.comparison.n_stay) == (0, 1)
    assert [live == candidate for _, live, candidate in found.beside] == [True, True, True]


def test_what_listing_remembers_is_that_of_the_night_before_for_both(lake: SmallLake, stricter: Path) -> None:
    """The live night lowered nothing: it had listed the account on the first night, and the candidate starts from that, not from the second."""
    listed = {
        "listing_id": "first", "node_id": ACCOUNT, "type": "bank_account", "status": "active", "measure": "close", "test": "finding", "reasons": ["finding"],
        "lineages": ["case:c1"], "agencies": ["public_security"], "tenures": [], "listed_on": "2026-10-01", "measured_on": "2026-10-01",
        "expires_on": "2028-09-30", "issuer": "icbc",
    }  # fmt: skip
    lake.commit(
        date(2026, 10, 1), silver__public_security__case_reports=[CASE], graph__identifiers=[OWN], blacklist__listings=[listed]
    )  # fmt: skip
    lake.commit(date(2026, 10, 2), blacklist__listings=[listed | {"listing_id": "second", "listed_on": "2026-10-02"}])
    found = played(stricter)
    assert found.comparison.rows.select("change", "listing_id", "measure").rows() == [("move", "first", "suspend")]
    assert (found.on, found.n_unlike_committed) == (date(2026, 10, 2), 2)


def test_a_withdrawn_finding_lists_nobody_under_either(lake: SmallLake, stricter: Path) -> None:
    withdrawal = {name: CASE[name] for name in list(CASE)[:10]} | {
        "op": "withdraw",
        "recorded_at": "2026-10-02",
        "sequence": 2,
    }
    lake.commit(
        date(2026, 10, 1), silver__public_security__case_reports=[CASE, withdrawal], graph__identifiers=[OWN]
    )  # fmt: skip
    found = played(stricter)
    assert (found.comparison.rows.height, found.comparison.n_stay) == (0, 0)


def test_the_command_prints_counts_and_keyed_ids_and_ends_with_0(
    lake: SmallLake, stricter: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    lake.commit(date(2026, 10, 1), silver__public_security__case_reports=[CASE], graph__identifiers=[OWN])
    assert antifraud("shadow", "--policy", str(stricter), "--out", "rows.csv") == 0
    said = capsys.readouterr()
    page = said.out.splitlines()
    assert page[0] == "night 2026-10-01: live default 1.0.0, candidate default 2.0.0"
    assert page[1] == "0 would enter, 1 move, 0 leave; 0 stay as they are"
    assert "close       1          0      0      0         0          1" in page
    assert any(line.startswith("move    bank_account       10  close → suspend  finding") for line in page)
    assert said.err.splitlines() == [
        "night 2026-10-01 with the live policy, default 1.0.0", "night 2026-10-01 with the candidate, default 2.0.0",
    ]  # fmt: skip
    rows = pl.read_csv(tmp_path / "rows.csv")
    assert rows.select("change", "node_id", "measure").rows() == [("move", ACCOUNT, "suspend")]


def test_the_page_shows_the_first_rows_and_says_how_many_more_there_are(lake: SmallLake, stricter: Path) -> None:
    lake.commit(date(2026, 10, 1), silver__public_security__case_reports=[CASE], graph__identifiers=[OWN])
    page = render(played(stricter), shown=0)
    assert "… and 1 more; --out FILE writes them all" in page
    assert "move    bank_account" not in page


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("finding_close_from: city", "finding_close_from: town", "measures.finding_close_from"),
        ("  holder: {weight: 0.8}", "  holder: {weigth: 0.8}", "edges.holder.weigth: is not a known key"),
    ],
    ids=["value", "key"],
)  # fmt: skip
def test_a_bad_policy_is_one_sentence_that_names_the_line_and_ends_with_2(
    lake: SmallLake, policy: Policy, capsys: pytest.CaptureFixture[str], old: str, new: str, expected: str
) -> None:
    path = policy(old, new)
    line = path.read_text("utf-8").splitlines().index(new if new.startswith(" ") else f"  {new}") + 1
    assert antifraud("shadow", "--policy", str(path)) == 2
    said = capsys.readouterr()
    (sentence,) = said.err.splitlines()
    assert sentence.startswith(f"antifraud: {path}:{line}: {expected}")
    assert said.out == ""


def test_a_bad_policy_is_said_before_the_lake_is_looked_for(
    lake: SmallLake, policy: Policy, capsys: pytest.CaptureFixture[str]
) -> None:
    path = policy("  holder: {weight: 0.8}", "  holder: {weight: yes}")
    assert antifraud("shadow", "--policy", str(path)) == 2
    assert "edges.holder.weight: Input should be a valid number" in capsys.readouterr().err


def test_a_lake_without_a_night_is_one_sentence(lake: SmallLake, capsys: pytest.CaptureFixture[str]) -> None:
    assert antifraud("shadow", "--policy", "default") == 2
    assert "no night is committed there" in capsys.readouterr().err
    assert not lake.root.exists()


def test_the_key_is_asked_for_and_never_made(
    lake: SmallLake, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lake.commit(date(2026, 10, 1), graph__identifiers=[OWN])
    (tmp_path / "secrets" / "node-id.key").unlink()
    assert antifraud("shadow", "--policy", "default") == 2
    assert "the key of this lake's ids is not there" in capsys.readouterr().err
    assert not (tmp_path / "secrets" / "node-id.key").exists()
