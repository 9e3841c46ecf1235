"""What account records say of bindings, holdings and closing (feeds.md, A record): one account per sentence, all in one frame."""

from __future__ import annotations

from typing import Any

import polars as pl
import pytest

from jobs.graph.accounts import account_states, account_supports, account_versions
from tests.frames import moment
from tests.graph.rows import FOREVER, ORDER_DDL, build, read

DDL = (
    f"record_id string, {ORDER_DDL}, business_date date, is_newest boolean, scope string, account_type string, account_id bigint, "
    "holder_id bigint, phone_id bigint, tenure_node bigint, bound_at timestamp, unbound_at timestamp, opened_at timestamp, "
    "closed_at timestamp, starts_at timestamp"
)
MOTHER, SON = 1001, 1002
A, B, AGAIN = 11, 22, 12
"""Tenures: of one number, of another, and a later one of the first number."""
Times = list[tuple[int, str, str]]


def account(
    bound: str | None = None,
    tenure: int | None = A,
    holder: int | None = MOTHER,
    *,
    opened: str = "2025-06-01",
    unbound: str | None = None,
    closed: str | None = None,
    recorded: str | None = None,
    record: str = "r",
) -> dict[str, Any]:
    """One version; `bound` is also when it was recorded unless said otherwise."""
    return {
        "record_id": record, "recorded_at": recorded or bound or opened, "scope": "icbc", "account_type": "bank_card", "holder_id": holder,
        "tenure_node": tenure, "bound_at": bound, "unbound_at": unbound, "opened_at": opened, "closed_at": closed,
        "starts_at": bound or opened,
    }  # fmt: skip


CASES: dict[str, tuple[list[dict[str, Any]], Times, Times]] = {
    # name: versions, bindings, holdings
    "a binding begins when bound and a holding when opened": (
        [account("2026-01-01")],
        [(A, "2026-01-01", FOREVER)],
        [(MOTHER, "2025-06-01", FOREVER)],
    ),
    "without a moment of binding both begin when opened": (
        [account()],
        [(A, "2025-06-01", FOREVER)],
        [(MOTHER, "2025-06-01", FOREVER)],
    ),
    "an account without a phone is held": ([account(tenure=None)], [], [(MOTHER, "2025-06-01", FOREVER)]),
    "an account without a holder is bound": ([account(holder=None)], [(A, "2025-06-01", FOREVER)], []),
    "an unbinding ends the binding alone": (
        [account("2026-01-01", unbound="2026-02-01")],
        [(A, "2026-01-01", "2026-02-01")],
        [(MOTHER, "2025-06-01", FOREVER)],
    ),
    "closing ends the record's holding and binding": (
        [account("2026-01-01", closed="2026-03-01")],
        [(A, "2026-01-01", "2026-03-01")],
        [(MOTHER, "2025-06-01", "2026-03-01")],
    ),
    "a closing that the newest version takes back ends nothing": (
        [account("2026-01-01", closed="2026-03-01"), account("2026-01-01", recorded="2026-04-01")],
        [(A, "2026-01-01", FOREVER)],
        [(MOTHER, "2025-06-01", FOREVER)],
    ),
    "another phone with a later start ends the older binding there": (
        [account("2026-01-01"), account("2026-02-01", B)],
        [(A, "2026-01-01", "2026-02-01"), (B, "2026-02-01", FOREVER)],
        [(MOTHER, "2025-06-01", "2026-02-01"), (MOTHER, "2025-06-01", FOREVER)],
    ),
    "the same phone in another tenure with a later start is a change": (
        [account("2026-01-01"), account("2026-02-01", AGAIN)],
        [(A, "2026-01-01", "2026-02-01"), (AGAIN, "2026-02-01", FOREVER)],
        [(MOTHER, "2025-06-01", "2026-02-01"), (MOTHER, "2025-06-01", FOREVER)],
    ),
    "the same phone in the same tenure with a later start corrects the start": (
        [account("2026-01-01"), account("2026-02-01")],
        [(A, "2026-02-01", FOREVER)],
        [(MOTHER, "2025-06-01", FOREVER)],
    ),
    "another phone with the same start was always the phone": (
        [account("2026-01-01"), account("2026-01-01", B, recorded="2026-02-01")],
        [(B, "2026-01-01", FOREVER)],
        [(MOTHER, "2025-06-01", FOREVER)],
    ),
    "an emptied phone was bound until that was recorded": (
        [account("2026-01-01"), account(None, None, recorded="2026-02-01")],
        [(A, "2026-01-01", "2026-02-01")],
        [(MOTHER, "2025-06-01", FOREVER)],
    ),
    "an emptied phone was bound until its unbinding when that is earlier": (
        [account("2026-01-01"), account(None, None, unbound="2026-01-15", recorded="2026-02-01")],
        [(A, "2026-01-01", "2026-01-15")],
        [(MOTHER, "2025-06-01", FOREVER)],
    ),
    "another holder with the same start while the phone goes was always the holder": (
        [account("2026-01-01"), account("2026-01-01", None, SON, recorded="2026-02-01")],
        [(A, "2026-01-01", "2026-02-01")],
        [(SON, "2025-06-01", FOREVER)],
    ),
    "another holder with a later start while the phone goes is a change at that start": (
        [account("2026-01-01"), account("2026-02-01", None, SON, recorded="2026-03-01")],
        [(A, "2026-01-01", "2026-03-01")],
        [(MOTHER, "2025-06-01", "2026-02-01"), (SON, "2026-02-01", FOREVER)],
    ),
    "another holder of what was empty before is a change at its start": (
        [
            account("2026-01-01"),
            account(None, None, recorded="2026-02-01"),
            account("2026-05-01", None, SON, recorded="2026-06-01"),
        ],
        [(A, "2026-01-01", "2026-02-01")],
        [(MOTHER, "2025-06-01", "2026-05-01"), (SON, "2026-05-01", FOREVER)],
    ),
    "a closing that comes with an emptied phone ends the holding": (
        [account("2026-01-01"), account(None, None, recorded="2026-02-01", closed="2026-03-01")],
        [(A, "2026-01-01", "2026-02-01")],
        [(MOTHER, "2025-06-01", "2026-03-01")],
    ),
    "another holder with a later start ends the older holding there": (
        [account("2026-01-01"), account("2026-02-01", holder=SON)],
        [(A, "2026-01-01", "2026-02-01"), (A, "2026-02-01", FOREVER)],
        [(MOTHER, "2025-06-01", "2026-02-01"), (SON, "2026-02-01", FOREVER)],
    ),
    "another holder with the same start was always the holder": (
        [account("2026-01-01"), account("2026-01-01", holder=SON, recorded="2026-02-01")],
        [(A, "2026-01-01", FOREVER)],
        [(SON, "2025-06-01", FOREVER)],
    ),
    "a holder that is named later in place of nobody holds it since then": (
        [account("2026-01-01", holder=None), account("2026-02-01")],
        [(A, "2026-01-01", "2026-02-01"), (A, "2026-02-01", FOREVER)],
        [(MOTHER, "2026-02-01", FOREVER)],
    ),
    "a binding from before the opening begins no holding": (
        [account("2025-01-01")],
        [(A, "2025-01-01", FOREVER)],
        [(MOTHER, "2025-06-01", FOREVER)],
    ),
    "a new record with another holder and a later start ends the older holding": (
        [account("2026-01-01"), account("2026-02-01", B, SON, record="s")],
        [(A, "2026-01-01", FOREVER), (B, "2026-02-01", FOREVER)],
        [(MOTHER, "2025-06-01", "2026-02-01"), (SON, "2026-02-01", FOREVER)],
    ),
    "a new record that was opened later ends the older holding": (
        [account(tenure=None), account(None, None, SON, opened="2026-02-01", record="s")],
        [],
        [(MOTHER, "2025-06-01", "2026-02-01"), (SON, "2026-02-01", FOREVER)],
    ),
    "a new record with the same holder ends nothing": (
        [account("2026-01-01"), account("2026-02-01", B, record="s")],
        [(A, "2026-01-01", FOREVER), (B, "2026-02-01", FOREVER)],
        [(MOTHER, "2025-06-01", FOREVER), (MOTHER, "2025-06-01", FOREVER)],
    ),
    "a new record without a holder ends no holding": (
        [account("2026-01-01"), account("2026-02-01", B, None, record="s")],
        [(A, "2026-01-01", FOREVER), (B, "2026-02-01", FOREVER)],
        [(MOTHER, "2025-06-01", FOREVER)],
    ),
    "two records with different holders and the same start both hold": (
        [account("2026-01-01"), account("2026-01-01", B, SON, record="s")],
        [(A, "2026-01-01", FOREVER), (B, "2026-01-01", FOREVER)],
        [(MOTHER, "2025-06-01", FOREVER), (SON, "2025-06-01", FOREVER)],
    ),
    "a phone emptied in the older record does not give the account back": (
        [
            account("2026-01-01"),
            account("2026-02-01", B, SON, record="s"),
            account(None, None, recorded="2026-03-01"),
        ],
        [(A, "2026-01-01", "2026-03-01"), (B, "2026-02-01", FOREVER)],
        [(MOTHER, "2025-06-01", "2026-02-01"), (SON, "2026-02-01", FOREVER)],
    ),
    "closing one record ends nothing of another": (
        [account("2026-01-01", closed="2026-03-01"), account("2026-02-01", B, record="s")],
        [(A, "2026-01-01", "2026-03-01"), (B, "2026-02-01", FOREVER)],
        [(MOTHER, "2025-06-01", "2026-03-01"), (MOTHER, "2025-06-01", FOREVER)],
    ),
}
ACCOUNT = {name: number for number, name in enumerate(CASES, start=1)}
CLOSED = {
    "closing ends the record's holding and binding": "2026-03-01",
    "a closing that the newest version takes back ends nothing": None,
    "closing one record ends nothing of another": None,
    "a binding begins when bound and a holding when opened": None,
}


def all_rows() -> list[dict[str, Any]]:
    rows = [
        {"line": at, **row, "record_id": f"{ACCOUNT[name]} {row['record_id']}", "account_id": ACCOUNT[name]}
        for name, (versions, _, _) in CASES.items()
        for at, row in enumerate(versions, start=1)
    ]
    newest: dict[str, str] = {}
    for row in rows:
        newest[row["record_id"]] = max(newest.get(row["record_id"], ""), row["recorded_at"])
    return [{**row, "is_newest": newest[row["record_id"]] == row["recorded_at"]} for row in rows]


@pytest.fixture(scope="module")
def versions() -> pl.DataFrame:
    return build(DDL, all_rows())


def times(frame: pl.DataFrame, who: str) -> dict[int, Times]:
    found: dict[int, Times] = {number: [] for number in ACCOUNT.values()}
    for row in read(frame):
        found[row["account_id"]].append((row[who], row["vf"], row["vt"]))
    return {account: sorted(rows, key=lambda one: (one[1], one[2], one[0])) for account, rows in found.items()}


def bound_and_held(versions: pl.DataFrame) -> tuple[dict[int, Times], dict[int, Times]]:
    bindings, holdings = account_supports(versions)
    return times(bindings, "tenure_node"), times(holdings, "holder_id")


@pytest.fixture(scope="module")
def bound(versions: pl.DataFrame) -> dict[int, Times]:
    return bound_and_held(versions)[0]


@pytest.fixture(scope="module")
def held(versions: pl.DataFrame) -> dict[int, Times]:
    return bound_and_held(versions)[1]


@pytest.mark.parametrize("name", CASES)
def test_bindings(bound: dict[int, Times], name: str) -> None:
    assert bound[ACCOUNT[name]] == CASES[name][1]


@pytest.mark.parametrize("name", CASES)
def test_holdings(held: dict[int, Times], name: str) -> None:
    assert held[ACCOUNT[name]] == CASES[name][2]


def test_holdings_and_bindings_do_not_depend_on_the_order_of_the_rows(
    bound: dict[int, Times], held: dict[int, Times]
) -> None:
    assert bound_and_held(build(DDL, all_rows()[::-1])) == (bound, held)


def test_an_account_is_closed_when_its_record_with_the_newest_start_says_so(versions: pl.DataFrame) -> None:
    rows = {row["account_id"]: row for row in read(account_states(versions, moment("2026-10-01")))}
    assert len(rows) == len(ACCOUNT)
    assert {name: rows[ACCOUNT[name]]["closed_at"] for name in CLOSED} == CLOSED
    assert rows[ACCOUNT["closing one record ends nothing of another"]]["open_recorded_at"] == "2026-02-01"


def test_a_record_that_names_another_account_now_was_mistaken_before() -> None:
    ddl = (
        f"record_id string, {ORDER_DDL}, business_date date, is_newest boolean, institution_id string, account_type string, account_id bigint, "
        "holder_type string, holder_id bigint, phone_id bigint, bound_at timestamp, unbound_at timestamp, opened_at timestamp, closed_at timestamp"
    )
    rows = [
        {"record_id": "r", "recorded_at": "2026-01-01", "is_newest": False, "account_id": 1, "opened_at": "2026-01-01"},
        {"record_id": "r", "recorded_at": "2026-02-01", "is_newest": True, "account_id": 2, "opened_at": "2026-02-01"},
    ]
    kept = account_versions(build(ddl, rows), scope="institution_id", opened="opened_at")
    assert kept["account_id"].to_list() == [2]
