"""Where the tenures that were named are tonight, and what was said of them with it."""

from __future__ import annotations

from datetime import date
from typing import Any

import polars as pl

from jobs.graph.tenures import tenure_ids
from jobs.signals.moves import Moves, gone_tenures, keep_named, known_since, move_nodes, move_tenures, trace_tenures
from tests.graph.rows import KEY
from tests.signals.rows import at, frame, table

NEW_YEAR = "2026-01-01"


def named(node: int, number: int, holder: int | None = None, start: str | None = NEW_YEAR) -> dict[str, Any]:
    return {
        "node_id": node, "phone_id": number, "holder_id": holder, "tenure_from": at(start) if start else None, "named_on": date(2026, 4, 1),
    }  # fmt: skip


def tenure(node: int, number: int, holder: int | None, start: str | None, to: str | None = None) -> dict[str, Any]:
    return {
        "node_id": node, "phone_id": number, "holder_id": holder, "tenure_from": at(start) if start else None,
        "tenure_to": at(to) if to else None, "is_implicit": holder is None,
    }  # fmt: skip


def by_phone(tenures: list[dict[str, Any]]) -> pl.DataFrame:
    far = "9999-12-31"
    known = [
        {"phone_id": one["phone_id"], "tenure_node": one["node_id"], "tenure_from": one["tenure_from"], "tenure_to": one["tenure_to"] or at(far)}
        for one in tenures if not one["is_implicit"]
    ]  # fmt: skip
    return frame("phone_id bigint, tenure_from timestamp, tenure_to timestamp, tenure_node bigint", known)


def traced(said: list[dict[str, Any]], there: list[dict[str, Any]]) -> Moves:
    return trace_tenures(table("blacklist.named_tenures", said), table("graph.tenures", there), by_phone(there), KEY)


def test_a_tenure_moves_to_the_one_of_its_holder_that_starts_nearest() -> None:
    said = [
        named(1, 10, 100), named(2, 20, 200, "2026-03-01"), named(3, 30, 300), named(4, 40, None, "2026-03-01"), named(6, 60, 600, None),
    ]  # fmt: skip
    there = [
        tenure(1, 10, 100, NEW_YEAR), tenure(9, 10, 100, "2026-01-02"), tenure(21, 20, 200, "2025-01-01"), tenure(22, 20, 200, "2026-02-20"),
        tenure(31, 30, 301, NEW_YEAR),
    ]  # fmt: skip
    moves = traced(said, there)
    assert moves.moved.rows() == [(2, 22, at("2026-02-20"))]


def test_a_tenure_is_gone_when_none_begins_there_and_no_other_ends_there() -> None:
    known = [tenure(2, 20, 201, "2025-01-01", NEW_YEAR), tenure(4, 40, 401, "2025-01-01", "2026-02-01")]
    after = {number: tenure_ids(KEY, pl.Series([number]), pl.Series([at(NEW_YEAR)]))[0] for number in (10, 20, 40)}
    said = [
        named(after[10], 10), named(after[20], 20), named(after[40], 40), named(5, 50, None, None), named(6, 60, 600),
        named(9, 20, 600, "2025-06-01"), named(8, 80, 800), named(7, 70, 700), named(91, 90, 900),
    ]  # fmt: skip
    # 91 began where it now ends: what is there now is nobody's.
    known = [*known, tenure(90, 90, 900, "2025-01-01", NEW_YEAR), tenure(7, 70, 700, NEW_YEAR)]
    there = [*known, tenure(81, 80, 800, "2026-01-02"), tenure(91, 90, None, NEW_YEAR)]
    given = table("blacklist.named_tenures", said), table("graph.tenures", there), by_phone(known), KEY
    assert set(gone_tenures(*given)["node_id"]) == {after[10], after[40], 6, 8, 9, 91}
    moves = trace_tenures(*given)
    nobodys = tenure_ids(KEY, pl.Series([60]), pl.Series([None], dtype=pl.Datetime("us", "UTC")))[0]
    assert dict(moves.lost.rows()) == {after[10]: None, after[40]: None, 6: nobodys}
    assert moves.moved.select("node_id", "now_id").rows() == [(8, 81), (91, 90)]


def test_what_was_said_of_nobodys_number_is_said_of_whoever_is_known_since_to_have_held_it_that_day() -> None:
    said = [named(1, 10, None, None), named(2, 20), named(3, 30, 300, None)]
    there = [
        tenure(11, 10, 110, "2026-03-31T16:00:00Z"), tenure(12, 10, 120, "2026-04-01T15:59:59Z"), tenure(13, 10, 130, "2026-04-01T16:00:00Z"),
        tenure(14, 10, None, "2026-03-01"), tenure(21, 20, 210, "2025-01-01", NEW_YEAR), tenure(22, 20, 220, "2025-01-01", "2026-01-02"),
        tenure(31, 30, 310, NEW_YEAR),
    ]  # fmt: skip
    found = known_since(table("blacklist.named_tenures", said), table("graph.tenures", there))
    assert set(found.iter_rows()) == {(1, 11), (1, 12), (2, 22)}


def test_rows_move_with_their_tenure_and_so_do_the_lineages_and_tenures_that_they_name() -> None:
    moves = traced([named(2, 20, 200, "2026-03-01")], [tenure(22, 20, 200, "2026-02-20")])
    listings = table(
        "blacklist.listings",
        [
            {"listing_id": "phone", "node_id": 2, "tenure_from": at("2026-03-01"), "lineages": ["case:2", "telecom:subscription:2"], "tenures": []},
            {"listing_id": "account", "node_id": 5, "lineages": ["telecom:line:sim_box:2", "telecom:subscription:7"], "tenures": [2, 30]},
        ],
    )  # fmt: skip
    rows = move_tenures(move_nodes(listings, moves), moves).to_dicts()
    assert [(row["node_id"], row["tenure_from"], row["lineages"], row["tenures"]) for row in rows] == [
        (22, at("2026-02-20"), ["case:2", "telecom:subscription:22"], []),
        (5, None, ["telecom:line:sim_box:22", "telecom:subscription:7"], [22, 30]),
    ]
    decisions = table(
        "blacklist.decisions", [{"node_id": 5, "lineages": ["case:2"], "direct_lineages": ["telecom:subscription:2"]}]
    )
    assert move_nodes(decisions, moves).select("node_id", "lineages", "direct_lineages").rows() == [
        (5, ["case:2"], ["telecom:subscription:22"])
    ]


def test_what_is_named_is_kept_as_it_is_while_it_is_there_and_the_day_on_which_it_was_last_in_force() -> None:
    before = table("blacklist.named_tenures", [named(1, 10, 100), named(2, 20, 200), named(7, 70, 700)])
    there = [tenure(node, node * 10, node * 100 + 1, NEW_YEAR) for node in range(2, 10)]
    ddl = "node_id bigint, lineages array<string>, tenures array<bigint>"
    in_force = frame(ddl, [{"node_id": 2, "lineages": ["telecom:line:x:4", "case:6"], "tenures": [3]}])
    ended = frame(ddl, [{"node_id": 7, "lineages": [], "tenures": []}, {"node_id": 8, "lineages": [], "tenures": []}])
    kept = keep_named(before, in_force, ended, table("graph.tenures", there), date(2026, 5, 1))
    assert {row["node_id"]: (row["holder_id"], row["named_on"].month) for row in kept.to_dicts()} == {
        1: (100, 4), 2: (201, 5), 3: (301, 5), 4: (401, 5), 7: (701, 4), 8: (801, 5),
    }  # fmt: skip
