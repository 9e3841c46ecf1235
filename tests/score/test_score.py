"""The whole: figures of a small night, the page that says them, JSON, and refusals."""

import json
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow as pa
import pytest
from click.testing import CliRunner, Result
from deltalake import write_deltalake

from jobs.cli import cli
from jobs.core.errors import UserError
from jobs.score.card import Scorecard, score_night
from jobs.score.job import read_truth
from jobs.score.render import render
from tests.frames import build
from tests.score.world import (
    INSTANT,
    KEY,
    LAKE_TABLES,
    ON,
    POLICY,
    account,
    card,
    lake,
    listing,
    person,
    should,
    truth,
    truth_tables,
)


def night() -> Scorecard:
    known = truth(
        people=[person(name) for name in ("boss", "heir", "child")],
        roles=[
            {"person": "boss", "role": "organiser", "ring_id": "R1"}, {"person": "heir", "role": "new_holder_of_recycled"},
            {"person": "child", "role": "family_member"},
        ],
        control=[card("ring's", "boss", ring_id="R1"), card("unseen", "boss", ring_id="R1"), card("heir's", "heir"), card("child's", "child")],
        rings=[{"ring_id": "R1", "confirmed_at": "2026-09-01"}],
        should_be_found=[should("child's")],
    )  # fmt: skip
    left = lake(
        listings=[
            listing(account("ring's"), "close", "finding"), listing(account("heir's"), "restrict", "verification_overdue", administrator="slow_bank"),
            listing(account("child's")), listing(account("shop.example", "domain"), "verify", "proposed_for_review", type="domain"),
        ],
        identifiers=[{"node_id": account("unseen")}],
    )  # fmt: skip
    return score_night(ON, left, known, POLICY)


def test_the_page_names_harm_first_then_misses_then_figures_then_what_must_hold() -> None:
    page = render(night())
    heads = [
        line
        for line in page.splitlines()
        if line.split(":")[0] in ("harm", "missed", "what must hold") or "precision and" in line
    ]
    assert heads == [
        "harm: 2 listings of innocents",
        "missed: 1 of 3 guilty accounts that are still open are not listed",
        "precision and recall by measure",
        "what must hold",
    ]


def test_the_page_says_who_was_silent_what_was_not_judged_and_why_one_was_missed() -> None:
    page = render(night())
    assert "left overdue by a silent recipient: 1 (slow_bank 1)" in page
    assert "not judged, the truth does not know whose they are: 1 domain" in page
    assert "1  no evidence: nothing is claimed of who uses it" in page
    assert "wrongly found, counted apart: 1 of 1 (100.0%)" in page
    assert "by records that have come, is on a worklist: nothing to judge" in page
    assert "of 1 accounts bound to a fraud number 1 are not yet shown by records that have come" in page


def test_the_figures_as_json_are_those_of_the_page() -> None:
    figures = json.loads(json.dumps(night().as_dict()))
    verify = figures["measures"]["rows"][3]
    assert (verify["measure"], verify["n"], verify["n_judged"], verify["precision"]) == ("verify", 2, 1, 1.0)
    assert (figures["measures"]["should_be_found"], verify["recall"]) == (3, 2 / 3)
    assert [gate["passes"] for gate in figures["gates"]] == [True] * 4
    assert figures["passes"] is True


def write_truth(folder: Path, **changed: pl.DataFrame) -> Path:
    folder.mkdir()
    for name, table in (truth_tables() | changed).items():
        table.write_parquet(folder / f"{name}.parquet")
    return folder


def test_what_simulate_writes_is_read_and_columns_that_are_not_needed_are_left() -> None:
    assert set(truth_tables()) == {"people", "roles", "control", "rings", "fraud_tenures", "should_be_found"}


@pytest.mark.parametrize(
    ("spoil", "sentence"),
    [
        (lambda f: (f / "roles.parquet").unlink(), "roles.parquet: is not there"),
        (lambda f: (f / "roles.parquet").write_bytes(b"PAR1"), "roles.parquet: is not a whole Parquet file"),
        (lambda f: pl.DataFrame({"person": ["P1"]}).write_parquet(f / "roles.parquet"), "roles.parquet: column 'role' is missing"),
    ],
    ids=["missing", "corrupt", "column"],
)  # fmt: skip
def test_a_truth_that_is_not_one_is_refused(tmp_path: Path, spoil, sentence: str) -> None:  # type: ignore[no-untyped-def]
    folder = write_truth(tmp_path / "truth")
    assert len(read_truth(folder)) == 6
    spoil(folder)
    with pytest.raises(UserError, match=sentence):
        read_truth(folder)


NIGHTS = pa.schema(
    [("night_on", pa.date32()), ("pins", pa.map_(pa.string(), pa.int64())), ("policy_version", pa.string()), ("notes", pa.list_(pa.string())),
     ("committed_at", pa.timestamp("us", "UTC"))]
)  # fmt: skip


def write_lake(root: Path, **tables: list[dict[str, Any]]) -> None:
    """A committed night whose tables hold these rows, by name with `__` for the point."""
    for name, rows in tables.items():
        layer, table = name.split("__")
        frame = build(LAKE_TABLES[f"{layer}.{table}"].ddl, rows)
        write_deltalake(root / layer / table, frame.to_arrow(compat_level=pl.CompatLevel.oldest()))
    night = {"night_on": ON, "pins": [(name.replace("__", "."), 0) for name in tables], "policy_version": "default 1", "notes": [], "committed_at": INSTANT}  # fmt: skip
    write_deltalake(root / "ops" / "nights", pa.Table.from_pylist([night], NIGHTS))


@pytest.fixture
def judged_lake(tmp_path: Path) -> list[str]:
    """Arguments of the command for a night that suspends a new holder's card."""
    heir = {"person": "heir", "role": "new_holder_of_recycled"}
    tables = truth_tables(people=[person("heir")], roles=[heir], control=[card("card", "heir")])
    write_truth(tmp_path / "truth", **tables)
    (tmp_path / "key").write_bytes(KEY)
    write_lake(
        tmp_path / "lake",
        graph__identifiers=[{"node_id": account("card")}],
        blacklist__listings=[listing(account("card"), "suspend", "finding")],
    )
    return ["score", "--truth", str(tmp_path / "truth"), "--lake", str(tmp_path / "lake")]


def run(arguments: list[str], key: Path) -> Result:
    return CliRunner().invoke(cli, arguments, env={"ANTIFRAUD_KEY_FILE": str(key)})


def test_the_command_ends_with_zero_and_with_gate_with_one_when_an_innocent_is_suspended(
    judged_lake: list[str], tmp_path: Path
) -> None:
    out = tmp_path / "figures.json"
    plain = run([*judged_lake, "--json", str(out), "--date", ON.isoformat()], tmp_path / "key")
    assert plain.exit_code == 0, plain.output
    assert "NOTHING EXCUSES IT: 1 (new holder of a recycled number 1)" in plain.output
    assert json.loads(out.read_text(encoding="utf-8"))["gates"][0]["passes"] is False
    assert run([*judged_lake, "--gate"], tmp_path / "key").exit_code == 1


def test_a_key_that_is_not_the_lakes_is_refused_and_none_is_made(judged_lake: list[str], tmp_path: Path) -> None:
    (tmp_path / "other").write_bytes(b"o" * 32)
    assert "not one identifier of this truth" in str(run(judged_lake, tmp_path / "other").exception)
    assert "the key of this lake's ids is not there" in str(run(judged_lake, tmp_path / "lost").exception)
    assert not (tmp_path / "lost").exists()


def test_figures_that_cannot_be_written_are_a_sentence(judged_lake: list[str], tmp_path: Path) -> None:
    done = run([*judged_lake, "--json", str(tmp_path / "nowhere" / "figures.json")], tmp_path / "key")
    assert isinstance(done.exception, UserError)
    assert "figures.json: can't be written: No such file or directory" in str(done.exception)


def test_a_lake_without_a_night_is_refused_by_the_command(tmp_path: Path) -> None:
    folder = write_truth(tmp_path / "truth")
    done = CliRunner().invoke(cli, ["score", "--truth", str(folder), "--lake", str(tmp_path / "lake")])
    assert isinstance(done.exception, UserError)
    assert "no night is committed there" in str(done.exception)
