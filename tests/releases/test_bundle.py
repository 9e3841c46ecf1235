"""One version as files: the same rows give the same bytes, and the manifest says what is in them."""

import hashlib
import io
import json
from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import Any

import pyarrow.parquet as pq
import pytest

from jobs.releases.bundle import Edition, make_bundle, read_snapshot
from jobs.releases.cells import read_csv
from jobs.releases.changes import apply_changes
from jobs.releases.guards import find_holds, keep_removals
from jobs.releases.layout import Layout
from jobs.releases.recipients import Recipient
from jobs.releases.rows import project_rows, select_rows
from jobs.releases.setdigest import SetDigest, digest_set

Make = Callable[..., dict[str, Any]]


def edition(recipient: Recipient, version: int = 2, previous: int | None = 1) -> Edition:
    return Edition(recipient, version, previous, date(2026, 10, 2), datetime(2026, 10, 2, 16, tzinfo=UTC), "1.0.0")


@pytest.fixture
def cut(
    to_rows: Callable[..., Any], recipients: dict[str, Recipient], layout: Layout, key: bytes
) -> Callable[..., Any]:
    """The snapshot of one recipient, cut from listings."""

    def make(listings: list[dict[str, Any]], name: str) -> Any:
        return project_rows(select_rows(to_rows(listings), recipients[name]), recipients[name], layout, key)

    return make


@pytest.fixture
def icbc(recipients: dict[str, Recipient]) -> Recipient:
    return recipients["icbc"]


def test_the_same_rows_give_the_same_bytes(
    cut: Callable[..., Any],
    examples: list[dict[str, Any]],
    recipients: dict[str, Recipient],
    layout: Layout,
    key: bytes,
) -> None:
    for name in ("cmcc", "icbc", "wechat", "mps"):
        bundles = [
            make_bundle(edition(recipients[name]), cut(rows, name), None, {}, layout, key)
            for rows in (examples, examples[::-1])
        ]
        assert bundles[0] == bundles[1]


def test_the_manifest_says_what_the_files_are(
    cut: Callable[..., Any], listing: Make, icbc: Recipient, layout: Layout, key: bytes
) -> None:
    before = cut([listing("A", 4, "bank_account", "icbc"), listing("B", 5, "bank_card", "icbc")], "icbc")
    after = cut(
        [
            listing("A", 4, "bank_account", "icbc", measure="restrict", due_on=None),
            listing("C", 6, "bank_account", "icbc"),
        ],
        "icbc",
    )
    files = make_bundle(edition(icbc), after, before, {"B": "verified"}, layout, key)
    manifest = json.loads(files["manifest.json"])
    assert manifest["counts"] == {"snapshot": 2, "worklist": 1, "add": 1, "change": 1, "release": 1}
    assert {name: (item["sha256"], item["bytes"]) for name, item in manifest["files"].items()} == {
        name: (hashlib.sha256(content).hexdigest(), len(content))
        for name, content in files.items()
        if name != "manifest.json"
    }
    said = {
        k: manifest[k]
        for k in (
            "recipient",
            "version",
            "previous_version",
            "business_date",
            "created",
            "expires",
            "policy_version",
        )
    }
    assert said == {
        "recipient": "icbc", "version": 2, "previous_version": 1, "business_date": "2026-10-02",
        "created": "2026-10-02T16:00:00Z",
        "expires": "2026-10-04T04:00:00Z", "policy_version": "1.0.0",
    }  # fmt: skip


def test_both_forms_hold_the_same_rows_and_the_changes_lead_to_the_digest_of_the_manifest(
    cut: Callable[..., Any], listing: Make, icbc: Recipient, layout: Layout, key: bytes
) -> None:
    before = cut([listing("A", 4, "bank_account", "icbc"), listing("B", 5, "bank_card", "icbc")], "icbc")
    after = cut(
        [listing("B", 5, "bank_card", "icbc", reason_en="=now()"), listing("C", 6, "bank_account", "icbc")],
        "icbc",
    )
    files = make_bundle(edition(icbc), after, before, {}, layout, key)
    expected = SetDigest(**json.loads(files["manifest.json"])["set_digest"])
    for name, schema in (
        ("snapshot", layout.arrow_schema("bank")),
        ("changes", layout.change_schema("bank")),
    ):
        as_parquet = pq.read_table(io.BytesIO(files[f"{name}.parquet"]))
        as_csv = read_csv(files[f"{name}.csv.gz"], schema)
        assert as_csv.equals(as_parquet.cast(schema))
        result = as_csv if name == "snapshot" else apply_changes(before, as_csv)
        assert result["listing_id"].to_pylist() == ["B", "C"]
        assert digest_set(result, expected.key) == expected


def test_the_worklist_is_what_must_be_verified_the_earliest_first(
    cut: Callable[..., Any], listing: Make, icbc: Recipient, layout: Layout, key: bytes
) -> None:
    rows = [
        listing("A", 4, "bank_account", "icbc", due_on=date(2026, 10, 20)),
        listing("B", 5, "bank_card", "icbc", due_on=date(2026, 10, 9)),
        listing("C", 6, "bank_account", "icbc", due_on=date(2026, 10, 9)),
        listing("D", 7, "bank_account", "icbc", due_on=None),
        listing("E", 8, "bank_account", "icbc", measure="close"),
    ]
    files = make_bundle(edition(icbc), cut(rows, "icbc"), None, {}, layout, key)
    assert read_csv(files["worklist.csv.gz"], layout.arrow_schema("bank"))["listing_id"].to_pylist() == [
        "B",
        "C",
        "A",
    ]


@pytest.mark.parametrize("formats", [("csv",), ("parquet",), ("csv", "parquet")], ids=["csv", "parquet", "both"])
def test_a_snapshot_is_read_back_from_whichever_form_there_is(
    cut: Callable[..., Any],
    examples: list[dict[str, Any]],
    recipients: dict[str, Recipient],
    layout: Layout,
    key: bytes,
    formats: tuple[str, ...],
) -> None:
    recipient = recipients["cmcc"].model_copy(update={"formats": formats})
    current = cut(examples, "cmcc")
    files = make_bundle(edition(recipient), current, None, {}, layout, key)
    assert ("snapshot.csv.gz" in files, "snapshot.parquet" in files) == (
        "csv" in formats,
        "parquet" in formats,
    )
    assert read_snapshot(files, layout, recipient).equals(current)


def test_a_damaged_snapshot_is_not_built_upon(
    cut: Callable[..., Any], examples: list[dict[str, Any]], icbc: Recipient, layout: Layout, key: bytes
) -> None:
    files = make_bundle(edition(icbc), cut(examples, "icbc"), None, {}, layout, key)
    files["snapshot.parquet"] = files["snapshot.parquet"][:-1]
    with pytest.raises(ValueError, match=r"snapshot\.parquet is missing or is not what the manifest says"):
        read_snapshot(files, layout, icbc)


def test_a_protected_identifier_holds_a_release_and_its_value_is_not_told(
    to_rows: Callable[..., Any], examples: list[dict[str, Any]], recipients: dict[str, Recipient]
) -> None:
    rows = to_rows(examples, protected={1001: "bank_hotline"})
    assert find_holds(select_rows(rows, recipients["cmcc"])) == ["1 protected identifier in it (bank_hotline)"]
    assert find_holds(select_rows(rows, recipients["cucc"])) == []


def test_a_listing_without_a_value_holds_a_release(
    to_rows: Callable[..., Any], listing: Make, recipients: dict[str, Recipient]
) -> None:
    rows = to_rows([listing("A", 999, "bank_account", "icbc")])
    assert find_holds(select_rows(rows, recipients["icbc"])) == ["1 listing without a value in the vault"]


def test_upheld_appeals_and_verified_outcomes_leave_a_held_release(cut: Callable[..., Any], listing: Make) -> None:
    before = cut(
        [listing(name, node, "bank_account", "icbc") for name, node in (("A", 4), ("B", 6), ("C", 7), ("D", 9))],
        "icbc",
    )
    why = {"A": "appeal_upheld", "B": "verified", "C": "support_ended"}
    assert keep_removals(before, why)["listing_id"].to_pylist() == ["C", "D"]
