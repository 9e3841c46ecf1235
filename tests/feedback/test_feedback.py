"""What each agency is told of its deliveries: everything of that night that is its own, safe to open, the same bytes each time, no values."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobs.core.contracts import load_codes
from jobs.core.night import Night
from jobs.core.settings import ROOT, Settings
from jobs.core.storage import LocalStorage
from jobs.feedback.collect import Feedback, collect_feedback
from jobs.feedback.files import make_files
from jobs.feedback.job import run
from jobs.releases.cells import unprotect_cell
from tests.signals.rows import CONTRACTS, table

ON, BEFORE = date(2026, 10, 2), date(2026, 10, 1)
CODES = load_codes(ROOT / "schemas")
NASTY = '=cmd|"x"!A1,\r\n\x1b[31m\u202e'


def answer(**given: Any) -> dict[str, Any]:
    row = {
        "night_on": ON, "agency": "telecom", "feed": "subscriptions", "delivery_id": "d2", "sequence": 2, "business_date": ON, "status": "taken",
        "warnings": [], "path": "telecom/subscriptions/2026-10-02/d2", "manifest_sha256": "aa", "staged": [],
    }  # fmt: skip
    return row | given


REFUSED = {"status": "refused", "reason": "hash", "detail": "file part-1.csv is not the one that the manifest names"}


def balance(**given: Any) -> dict[str, Any]:
    row = {
        "night_on": ON, "feed": "telecom/subscriptions", "sequence": 2, "delivery_id": "d2", "rows_in": 4, "kept": 2, "superseded": 1, "quarantined": 1,
    }  # fmt: skip
    return row | given


def broken(**given: Any) -> dict[str, Any]:
    row = {
        "feed": "telecom/subscriptions", "record_id": "r1", "sequence": 2, "delivery_id": "d2", "file": "part-1.csv", "line": 3,
        "reasons": ["imsi_format", "phone_invalid"], "columns": ["imsi", "msisdn"], "business_date": ON, "night_on": ON, "status": "open",
    }  # fmt: skip
    return row | given


Rows = Sequence[dict[str, Any]]


def told(deliveries: Rows = (), accounting: Rows = (), quarantine: Rows = ()) -> dict[str, Feedback]:
    frames = (
        table("ops.deliveries", deliveries), table("ops.accounting", accounting), table("quarantine.records", quarantine),
    )  # fmt: skip
    return collect_feedback(*frames, ["finance", "telecom"], ON)


def document(feedback: Feedback) -> dict[str, Any]:
    files = make_files("telecom", ON, feedback, {"imsi_format": "not 15 digits", "hash": "another file"})
    return cast(dict[str, Any], json.loads(files["feedback.json"]))


def cells(feedback: Feedback) -> list[dict[str, str]]:
    content = make_files("telecom", ON, feedback, {})["records.csv"].decode()
    rows = csv.DictReader(io.StringIO(content, newline=""))
    return [{name: unprotect_cell(cell) for name, cell in row.items()} for row in rows]


def test_an_agency_gets_its_own_of_this_night_and_nothing_of_others_or_of_another_night() -> None:
    found = told(
        deliveries=[
            answer(**REFUSED), answer(night_on=BEFORE, **REFUSED), answer(agency="finance", feed="accounts", path="finance/accounts/x/d9", **REFUSED),
        ],
        accounting=[balance(), balance(night_on=BEFORE, delivery_id="d1"), balance(feed="finance/accounts", delivery_id="d8")],
        quarantine=[broken(), broken(night_on=BEFORE, delivery_id="d1"), broken(feed="finance/accounts")],
    )  # fmt: skip
    assert set(found) == {"finance", "telecom"}
    mine = found["telecom"]
    assert mine.refused.select("feed", "path", "reason").rows() == [
        ("telecom/subscriptions", "telecom/subscriptions/2026-10-02/d2", "hash")
    ]
    assert mine.accounting.rows() == [("telecom/subscriptions", "d2", 2, 4, 2, 1, 1)]
    assert mine.records.select("feed", "delivery_id").rows() == [("telecom/subscriptions", "d2")]
    assert mine.n_open == 2
    assert found["finance"].accounting["delivery_id"].to_list() == ["d8"]


@pytest.mark.parametrize(
    "rows",
    [
        {"deliveries": [answer(night_on=BEFORE, **REFUSED)]}, {"deliveries": [answer()]}, {"accounting": [balance(night_on=BEFORE)]},
        {"quarantine": [broken(night_on=BEFORE)]}, {"quarantine": [broken(night_on=BEFORE, status="resolved", resolved_on=BEFORE)]},
    ],
    ids=["refused-before", "taken-without-a-word", "counted-before", "still-open", "resolved-before"],
)  # fmt: skip
def test_who_has_nothing_to_hear_tonight_is_told_nothing(rows: dict[str, list[dict[str, Any]]]) -> None:
    assert told(**rows) == {}


@pytest.mark.parametrize(
    "rows",
    [
        {"deliveries": [answer(**REFUSED)]}, {"deliveries": [answer(status="repeated", detail="number 2 was taken before")]},
        {"deliveries": [answer(warnings=["gap: number 1 has not come"])]}, {"accounting": [balance()]}, {"quarantine": [broken()]},
        {"quarantine": [broken(night_on=BEFORE, status="resolved", resolved_on=ON)]},
    ],
    ids=["refused", "repeated", "warning", "counted", "set-aside", "resolved"],
)  # fmt: skip
def test_each_of_these_alone_is_news(rows: dict[str, list[dict[str, Any]]]) -> None:
    assert set(told(**rows)) == {"telecom"}


def test_the_document_counts_names_and_explains() -> None:
    feedback = told(
        deliveries=[answer(warnings=["gap: number 1 has not come", "column x is not known"]), answer(delivery_id="d3", **REFUSED)],
        accounting=[balance()],
        quarantine=[
            broken(), broken(element=1, reasons=["imsi_format"], columns=["imsi"]),
            broken(night_on=BEFORE, record_id="r0", delivery_id="d1", status="resolved", resolved_on=ON),
        ],
    )["telecom"]  # fmt: skip
    found = document(feedback)
    assert (found["agency"], found["business_date"]) == ("telecom", "2026-10-02")
    assert found["counts"] == {
        "deliveries_refused": 1, "deliveries_repeated": 0, "warnings": 2, "rows_in": 4, "kept": 2, "superseded": 1, "quarantined": 1,
        "resolved": 1, "still_open": 2, "by_reason": {"imsi_format": 2, "phone_invalid": 1},
    }  # fmt: skip
    assert found["reasons"] == {"hash": "another file", "imsi_format": "not 15 digits"}
    assert found["refused"][0]["detail"] == REFUSED["detail"]
    assert [row["warning"] for row in found["warnings"]] == ["gap: number 1 has not come", "column x is not known"]
    assert found["accounting"] == [
        {"feed": "telecom/subscriptions", "delivery_id": "d2", "sequence": 2, "rows_in": 4, "kept": 2, "superseded": 1, "quarantined": 1}
    ]  # fmt: skip
    assert [(row["record_id"], row["element"]) for row in found["quarantined"]] == [("r1", None), ("r1", 1)]
    assert found["quarantined"][0] == {
        "status": "open", "feed": "telecom/subscriptions", "record_id": "r1", "delivery_id": "d2", "sequence": 2, "business_date": "2026-10-02", "file": "part-1.csv",
        "line": 3, "element": None, "reasons": ["imsi_format", "phone_invalid"], "columns": ["imsi", "msisdn"], "taken_on": "2026-10-02", "resolved_on": None,
    }  # fmt: skip
    assert [(row["record_id"], row["taken_on"]) for row in found["resolved"]] == [("r0", "2026-10-01")]


def test_the_spreadsheet_has_one_row_per_record_with_lists_joined() -> None:
    rows = [broken(record_id=None), broken(night_on=BEFORE, delivery_id="d1", status="resolved", resolved_on=ON)]
    open_one, resolved = cells(told(quarantine=rows)["telecom"])
    assert (open_one["status"], open_one["record_id"], open_one["line"], open_one["element"]) == ("open", "", "3", "")
    assert (open_one["reasons"], open_one["columns"]) == ("imsi_format|phone_invalid", "imsi|msisdn")
    assert (resolved["status"], resolved["taken_on"], resolved["resolved_on"]) == (
        "resolved",
        "2026-10-01",
        "2026-10-02",
    )


def test_a_record_that_came_broken_after_its_repair_is_set_aside_and_resolved_but_one_row_of_the_spreadsheet() -> None:
    feedback = told(quarantine=[broken(status="resolved", resolved_on=ON)])["telecom"]
    found = document(feedback)
    assert (len(found["quarantined"]), len(found["resolved"]), len(cells(feedback))) == (1, 1, 1)


def test_hostile_names_neither_compute_nor_break_a_line_and_come_back_unchanged() -> None:
    rows = [broken(record_id=NASTY, file=NASTY, delivery_id=NASTY)]
    feedback = told(quarantine=rows)["telecom"]
    files = make_files("telecom", ON, feedback, {})
    assert files["feedback.json"].isascii()
    assert b"\x1b" not in files["feedback.json"]
    assert json.loads(files["feedback.json"])["quarantined"][0]["record_id"] == NASTY
    assert b'"\'=cmd|""x""!A1' in files["records.csv"]
    assert [(row["record_id"], row["file"], row["delivery_id"]) for row in cells(feedback)] == [(NASTY,) * 3]


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=20))
def test_any_record_id_comes_back_unchanged(record_id: str) -> None:
    feedback = told(quarantine=[broken(record_id=record_id)])["telecom"]
    assert [row["record_id"] for row in cells(feedback)] == [record_id]


def test_the_order_in_which_rows_lie_in_the_lake_changes_no_byte() -> None:
    deliveries = [answer(delivery_id=f"d{n}", path=f"p{n}", warnings=["b", "a"], **REFUSED) for n in range(4)]
    quarantine = [broken(line=n // 2, element=n % 2) for n in range(6)]
    one = told(deliveries, [], quarantine)["telecom"]
    other = told(deliveries[::-1], [], quarantine[::-1])["telecom"]
    assert make_files("telecom", ON, one, {}) == make_files("telecom", ON, other, {})


class StubLake:
    """Tables in memory."""

    def __init__(self, **tables: list[dict[str, Any]]) -> None:
        self._frames = {name.replace("__", "."): table(name.replace("__", "."), rows) for name, rows in tables.items()}

    def frame(self, name: str) -> pl.DataFrame:
        return self._frames[name]


def night(folder: Path, on: date = ON, **tables: list[dict[str, Any]]) -> Night:
    none: dict[str, list[dict[str, Any]]] = {"ops__deliveries": [], "ops__accounting": [], "quarantine__records": []}
    lake, settings = StubLake(**(none | tables)), Settings(feedback=str(folder))
    return cast(Night, SimpleNamespace(lake=lake, settings=settings, on=on, contracts=CONTRACTS, codes=CODES))


def folders(root: Path) -> list[str]:
    return sorted(str(path.relative_to(root)) for path in root.glob("*/*"))


def contents(root: Path) -> dict[str, bytes]:
    return {str(path.relative_to(root)): path.read_bytes() for path in root.rglob("*") if path.is_file()}


def test_a_night_writes_one_folder_per_agency_that_has_news_and_a_rerun_the_same_bytes(tmp_path: Path) -> None:
    tables = {
        "ops__deliveries": [answer(**REFUSED)], "ops__accounting": [balance(), balance(feed="finance/accounts")], "quarantine__records": [broken()],
    }  # fmt: skip
    report = run(night(tmp_path, **tables))
    assert folders(tmp_path) == ["finance/2026-10-02", "telecom/2026-10-02"]
    first = contents(tmp_path)
    assert set(first) == {
        f"{agency}/2026-10-02/{name}" for agency in ("finance", "telecom") for name in ("feedback.json", "records.csv")
    }
    assert (report.rows_in, report.rows_out, report.notes) == (8, 1, [])
    found = json.loads(first["telecom/2026-10-02/feedback.json"])
    assert found["reasons"]["hash"] == "a file is not the one whose SHA-256 the manifest gives"
    assert set(found["reasons"]) == {"hash", "imsi_format", "phone_invalid"}
    run(night(tmp_path, **tables))
    assert contents(tmp_path) == first


def test_what_nights_that_died_left_goes_and_committed_nights_stay(tmp_path: Path) -> None:
    storage = LocalStorage(tmp_path)
    for day in ("2026-09-30", "2026-10-01", "2026-10-02", "2026-10-03", "notes"):
        storage.put_folder(f"telecom/{day}", {"feedback.json": b"{}"}, last="feedback.json")
    (tmp_path / "telecom" / ".staging-2026-10-03-1").mkdir()
    run(night(tmp_path, on=date(2026, 10, 3), ops__deliveries=[answer(night_on=BEFORE)]))
    assert folders(tmp_path) == ["telecom/2026-09-30", "telecom/2026-10-01", "telecom/notes"]


def test_a_new_lake_takes_nothing_of_earlier_nights_away(tmp_path: Path) -> None:
    LocalStorage(tmp_path).put_folder("telecom/2026-10-01", {"feedback.json": b"{}"}, last="feedback.json")
    run(night(tmp_path))
    assert folders(tmp_path) == ["telecom/2026-10-01"]


def test_a_folder_of_no_agency_is_counted_and_gets_nothing(tmp_path: Path) -> None:
    report = run(night(tmp_path, ops__deliveries=[answer(agency="telecon", **(REFUSED | {"reason": "unknown_feed"}))]))
    assert report.notes == ["answered in folders of no known agency, so nobody is told: 1"]
    assert folders(tmp_path) == []
