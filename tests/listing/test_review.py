"""Rows for a human: opened, kept and closed with their cause."""

from __future__ import annotations

from datetime import date
from typing import Any

from jobs.listing.review import keep_reviews
from tests.signals.rows import POLICY, frame, table

FIRST, SECOND, THIRD = date(2026, 10, 1), date(2026, 10, 2), date(2026, 10, 3)


def test_a_row_stays_open_as_long_as_its_cause_and_is_due_three_days_after_it_opened() -> None:
    def cause(reason: str, node: int | None = 1, detail: str = "", owner: str | None = None) -> dict[str, Any]:
        return {"node_id": node, "reason": reason, "source": "a feed and record", "detail": detail, "owner": owner}

    def night(before: list[Any], causes: list[dict[str, Any]], on: date) -> dict[str, Any]:
        told = frame("node_id bigint, reason string, source string, detail string, owner string", causes)
        kept = keep_reviews(table("blacklist.for_review", before), told, POLICY, on)
        rows = kept.to_dicts()
        assert len(rows) == len({row["review_id"] for row in rows})
        return {row["reason"]: row for row in rows}

    one = night(
        [],
        [
            cause("stays", detail="a hint"),
            cause("goes"),
            cause("goes"),
            cause("about-nobody", None),
            cause("owned", owner="telecom"),
        ],
        FIRST,
    )
    two = night(list(one.values()), [cause("stays", detail="a hint"), cause("about-nobody", None)], SECOND)
    three = night(list(two.values()), [cause("stays", detail="a hint"), cause("goes")], THIRD)

    assert (one["stays"]["status"], one["stays"]["due_on"], one["stays"]["owner"]) == (
        "open",
        date(2026, 10, 4),
        "public_security",
    )
    assert [(rows["owned"]["owner"], rows["owned"]["status"]) for rows in (one, two, three)] == [
        ("telecom", "open"), ("telecom", "closed"), ("telecom", "closed"),
    ]  # fmt: skip
    assert (one["stays"]["detail"], one["goes"]["detail"]) == ("a feed and record: a hint", "a feed and record")
    assert [rows["stays"]["opened_on"] for rows in (one, two, three)] == [FIRST, FIRST, FIRST]
    assert (two["goes"]["status"], two["goes"]["closed_on"]) == ("closed", SECOND)
    assert (three["goes"]["status"], three["goes"]["opened_on"], three["goes"]["closed_on"]) == ("open", THIRD, None)
    assert three["goes"]["review_id"] == one["goes"]["review_id"]
    assert (two["about-nobody"]["status"], three["about-nobody"]["closed_on"]) == ("open", THIRD)
