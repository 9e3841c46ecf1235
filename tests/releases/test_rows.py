"""A recipient gets the rows it can act on, and nothing outside its scope is in any byte of its files."""

import gzip
import io
from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from jobs.identifiers.keys import digest_py
from jobs.releases.bundle import Edition, make_bundle
from jobs.releases.job import explain_departures, unite_values
from jobs.releases.layout import Layout
from jobs.releases.recipients import Recipient
from jobs.releases.rows import find_unaddressed, key_of_recipient, project_rows, select_rows

ON = date(2026, 10, 1)
INSTANT = datetime(2026, 10, 1, 16, tzinfo=UTC)
Listings = list[dict[str, Any]]
Rows = Callable[..., Any]


def listings_of(rows: Any, recipient: Recipient) -> list[str]:
    found: list[str] = select_rows(rows, recipient)["listing_id"].to_pylist()
    return found


@pytest.mark.parametrize(
    ("recipient", "expected"),
    [
        ("cmcc", ["L01", "L03"]), ("cucc", ["L02", "L03"]), ("cbn", ["L03"]), ("icbc", ["L04", "L05"]),
        ("abc", ["L06"]), ("boc", []), ("alipay", ["L07"]), ("wechat", ["L08"]), ("qq", ["L09"]),
        ("cnnic", ["L10", "L11"]), ("mps", ["L12", "L13"]),
    ],
)  # fmt: skip
def test_each_recipient_gets_what_it_administers(
    to_rows: Rows, examples: Listings, recipients: dict[str, Recipient], recipient: str, expected: list[str]
) -> None:
    assert listings_of(to_rows(examples), recipients[recipient]) == expected


def test_every_example_reaches_somebody(to_rows: Rows, examples: Listings, recipients: dict[str, Recipient]) -> None:
    assert find_unaddressed(to_rows(examples), recipients.values()) == {}


def test_what_reaches_nobody_is_counted_and_goes_nowhere(
    to_rows: Rows, listing: Callable[..., dict[str, Any]], recipients: dict[str, Recipient]
) -> None:
    rows = to_rows(
        [
            listing("A", 1, "phone", None),
            listing("B", 4, "bank_account", "cmcc"),
            listing("C", 12, "national_id", "icbc"),
        ]
    )
    assert find_unaddressed(rows, recipients.values()) == {"bank_account": 1, "national_id": 1, "phone": 1}
    assert [name for name, recipient in recipients.items() if listings_of(rows, recipient)] == []


def test_what_a_recipient_called_not_its_own_leaves_its_release(
    to_rows: Rows, listing: Callable[..., dict[str, Any]], recipients: dict[str, Recipient]
) -> None:
    rows = to_rows(
        [
            listing("A", 4, "bank_account", "icbc", outcome="not_ours"),
            listing("B", 5, "bank_card", "icbc", outcome="restricted"),
        ]
    )
    assert listings_of(rows, recipients["icbc"]) == ["B"]
    assert find_unaddressed(rows, recipients.values()) == {}


def test_what_one_carrier_set_aside_goes_to_the_others(
    to_rows: Rows, examples: Listings, recipients: dict[str, Recipient]
) -> None:
    rows, aside = to_rows(examples), {"L01", "L03"}  # a tenure has one carrier, which has it from no such list
    assert select_rows(rows, recipients["cmcc"], aside)["listing_id"].to_pylist() == ["L01"]
    assert select_rows(rows, recipients["cucc"])["listing_id"].to_pylist() == ["L02", "L03"]


def test_a_tenure_carries_its_value_its_time_and_its_sims(
    to_rows: Rows, examples: Listings, recipients: dict[str, Recipient], layout: Layout, key: bytes
) -> None:
    snapshot = project_rows(
        select_rows(to_rows(examples), recipients["cmcc"]), recipients["cmcc"], layout, key
    ).to_pylist()
    phone, device = snapshot
    assert (phone["identifier"], phone["tenure_from"]) == ("+8613800000001", datetime(2025, 3, 1, tzinfo=UTC))
    assert (phone["imsi"], phone["iccid"]) == (["460000000000101"], ["89860000000000000102"])
    assert (device["identifier"], device["imsi"], device["iccid"]) == ("490154203237518", None, None)


def test_sims_are_columns_for_carriers_only(recipients: dict[str, Recipient], layout: Layout) -> None:
    with_sims = {
        r.kind for r in recipients.values() if {"imsi", "iccid", "tenure_from"} & set(layout.arrow_schema(r.kind).names)
    }
    assert with_sims == {"carrier"}


def test_nothing_of_how_it_was_found_is_a_column(recipients: dict[str, Recipient], layout: Layout) -> None:
    names = {name for recipient in recipients.values() for name in layout.arrow_schema(recipient.kind).names}
    assert not names & {
        "score",
        "lineages",
        "party_id",
        "ring_id",
        "agencies",
        "evidence_digest",
        "node_id",
        "phone_id",
        "outcome",
    }


def plain_bytes(files: dict[str, bytes]) -> bytes:
    """All that is in these files: as they lie on disk, unpacked, and every value of the Parquet ones."""
    pieces = []
    for name, content in files.items():
        pieces.append(content)
        if name.endswith(".gz"):
            pieces.append(gzip.decompress(content))
        if name.endswith(".parquet"):
            pieces.append(repr(pq.read_table(io.BytesIO(content)).to_pydict()).encode())
    return b"\n".join(pieces)


def test_nothing_outside_the_scope_is_in_any_byte_of_a_recipients_files(
    to_rows: Rows,
    examples: Listings,
    values: list[tuple[int, str]],
    recipients: dict[str, Recipient],
    layout: Layout,
    key: bytes,
) -> None:
    for row in examples:
        row["reason_en"] = f"canary-{row['listing_id']}"
    rows = to_rows(examples)
    mine = {
        "cmcc": {"L01", "L03"}, "cucc": {"L02", "L03"}, "icbc": {"L04", "L05"}, "alipay": {"L07"},
        "wechat": {"L08"}, "qq": {"L09"},
        "cnnic": {"L10", "L11"}, "mps": {"L12", "L13"},
    }  # fmt: skip
    sims_of = {"cmcc": {101, 102}, "cucc": {201, 202}}
    for name, listings in mine.items():
        recipient = recipients[name]
        current = project_rows(select_rows(rows, recipient), recipient, layout, key)
        edition = Edition(recipient, 1, None, ON, INSTANT, "1.0.0")
        content = plain_bytes(make_bundle(edition, current, None, {}, layout, key))
        nodes = {row["phone_id"] or row["node_id"] for row in examples if row["listing_id"] in listings} | sims_of.get(
            name, set()
        )
        for node, value in values:
            bare = value.removeprefix("+").partition(":")[2] or value.removeprefix("+")
            shown = bare.encode() in content
            assert shown == (node in nodes), f"{name}: node {node}"
        for row in examples:
            canary = f"canary-{row['listing_id']}".encode()
            assert (canary in content) == (row["listing_id"] in listings), f"{name}: {row['listing_id']}"


def test_digests_are_of_the_recipients_own_key_and_no_value_is_in_any_byte(
    to_rows: Rows,
    examples: Listings,
    values: list[tuple[int, str]],
    recipients: dict[str, Recipient],
    layout: Layout,
    key: bytes,
) -> None:
    rows = to_rows(examples)
    tokens = []
    for name in ("cmcc", "cucc"):
        recipient = recipients[name].model_copy(update={"identifiers": "digest"})
        current = project_rows(select_rows(rows, recipient), recipient, layout, key)
        edition = Edition(recipient, 1, None, ON, INSTANT, "1.0.0")
        content = plain_bytes(make_bundle(edition, current, None, {}, layout, key))
        assert [value for _, value in values if value.removeprefix("+").encode() in content] == []
        tokens.append(set(current["identifier"].to_pylist()))
        assert digest_py(key_of_recipient(key, name), "imei", "490154203237518") in tokens[-1]
        assert digest_py(key, "imei", "490154203237518") not in tokens[-1]
    assert tokens[0] & tokens[1] == set()


def test_empty_text_and_empty_lists_are_absent(to_rows: Rows, listing: Callable[..., dict[str, Any]]) -> None:
    rows = to_rows([listing("A", 4, "bank_account", "icbc", human_decision="", reasons=[])])
    assert (rows["human_decision"].to_pylist(), rows["reasons"].to_pylist()) == ([None], [None])


def test_a_listing_that_stands_twice_is_an_error(to_rows: Rows, listing: Callable[..., dict[str, Any]]) -> None:
    with pytest.raises(ValueError, match="twice"):
        to_rows([listing("A", 4, "bank_account", "icbc"), listing("A", 6, "bank_account", "abc")])


def test_a_tenure_with_a_sim_of_unknown_value_has_no_identifier_and_so_holds_the_release(
    to_rows: Rows, examples: Listings
) -> None:
    rows = to_rows(examples, lost=[102])
    broken = [row["listing_id"] for row in rows.to_pylist() if row["identifier"] is None]
    assert broken == ["L01"]


def test_two_values_of_one_id_stop_everything() -> None:
    found = pa.table({"node_id": [7, 7], "value": ["a", "b"], "protected_reason": pa.nulls(2, pa.string())})
    with pytest.raises(RuntimeError, match="two values in the vault have one node_id"):
        unite_values(found)


def test_a_value_that_the_vault_holds_twice_is_one_row_with_its_protection() -> None:
    found = pa.table(
        {
            "node_id": [7, 7, 8, 7],
            "value": ["a", "a", "b", None],
            "protected_reason": [None, None, None, "agency_line"],
        }
    )
    assert unite_values(found).sort_by("node_id").to_pylist() == [
        {"node_id": 7, "value": "a", "protected_reason": "agency_line"},
        {"node_id": 8, "value": "b", "protected_reason": None},
    ]


def test_each_departure_has_its_reason() -> None:
    listings = pa.table(
        {
            "listing_id": ["A", "B", "C"],
            "status": ["active", "active", "released"],
            "release_reason": [None, None, "term_ended"],
            "outcome": [None, "not_ours", None],
        }
    )
    assert explain_departures(listings) == {"A": "moved", "B": "not_ours", "C": "term_ended"}
