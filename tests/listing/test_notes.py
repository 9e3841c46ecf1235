"""What the listing stage tells the person who watches."""

from __future__ import annotations

from datetime import date

from jobs.listing.job import tell
from jobs.listing.tonight import Tonight
from tests.signals.rows import table

ON = date(2026, 10, 17)


def test_the_silence_of_recipients_and_what_people_leave_lying_are_counted() -> None:
    overdue = {
        "status": "active",
        "measure": "restrict",
        "test": "verification_overdue",
        "reasons": ["verification_overdue"],
    }
    decided = {**overdue, "test": "review_decision", "reasons": ["review_decision", "verification_overdue"]}
    tonight = Tonight(
        listings=table(
            "blacklist.listings",
            [
                {"listing_id": "a", "administrator": "wechat", **overdue}, {"listing_id": "b", "administrator": "wechat", **overdue},
                {"listing_id": "c", "administrator": "icbc", **overdue}, {"listing_id": "d", "administrator": "icbc", **overdue, "status": "released"},
                {"listing_id": "e", "administrator": "icbc", "status": "active", "measure": "close", "test": "finding"},
                {"listing_id": "f", "administrator": "wechat", **decided}, {"listing_id": "g", "administrator": "icbc", **decided, "reasons": ["review_decision"]},
            ],
        ),
        events=table("blacklist.events", [{"event": "ADD", "listing_id": "a"}]),
        set_aside=table("blacklist.set_aside", []), named_tenures=table("blacklist.named_tenures", []), leads=table("blacklist.leads", []), decisions=table("blacklist.decisions", []), proposals=table("blacklist.proposals", []),
        for_review=table(
            "blacklist.for_review",
            [
                {"review_id": "1", "reason": "proposal_to_decide", "status": "open", "due_on": date(2026, 10, 16)},
                {"review_id": "2", "reason": "proposal_to_decide", "status": "open", "due_on": ON},
                {"review_id": "3", "reason": "protected_identifier", "status": "closed", "due_on": date(2026, 10, 1)},
            ],
        ),
    )  # fmt: skip
    assert tell(tonight, ON) == [
        "listed now: 1 close, 5 restrict",
        "tonight: 1 added, 0 changed, 0 released",
        "not verified by their due date, by recipient: wechat 3, icbc 1",
        "rows for a human past their due date, by reason: proposal_to_decide 1",
    ]
