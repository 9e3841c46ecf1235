"""Applying the changes to the version before gives the snapshot, by the same digest."""

from collections.abc import Callable
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jobs.releases.changes import apply_changes, compare_snapshots, conform
from jobs.releases.setdigest import digest_set

SET_KEY = "01" * 32
SCHEMA = pa.schema(
    {
        "listing_id": pa.string(),
        "measure": pa.string(),
        "reasons": pa.list_(pa.string()),
        "due_on": pa.date32(),
    }
)
ROWS = st.dictionaries(
    st.integers(0, 12).map(lambda n: f"L{n:02}"),
    st.tuples(
        st.sampled_from(["verify", "close"]),
        st.sampled_from([None, ["a"], ["a", "b"]]),
        st.sampled_from([None, 20_000]),
    ),
    max_size=12,
)
Rows = dict[str, tuple[str, list[str] | None, int | None]]


def table_of(rows: Rows) -> Any:
    ids = sorted(rows)
    return pa.table([ids, *([rows[i][n] for i in ids] for n in range(3))], schema=SCHEMA)


@settings(max_examples=200, deadline=None)
@given(before=ROWS, after=ROWS)
def test_changes_applied_to_the_version_before_give_the_snapshot(before: Rows, after: Rows) -> None:
    previous, current = table_of(before), table_of(after)
    changes = compare_snapshots(previous, current, {})
    assert apply_changes(previous, changes).equals(current)
    assert digest_set(apply_changes(previous, changes), SET_KEY) == digest_set(current, SET_KEY)
    touched = {i for i in before.keys() | after.keys() if before.get(i) != after.get(i)}
    assert set(changes["listing_id"].to_pylist()) == touched


def test_a_change_says_what_happened_and_why_something_left() -> None:
    before = table_of(
        {
            "A": ("verify", ["a"], 1),
            "B": ("verify", ["a"], 1),
            "C": ("verify", ["a"], 1),
            "D": ("close", None, None),
        }
    )
    after = table_of({"A": ("verify", ["a"], 1), "B": ("close", ["a"], None), "E": ("verify", None, 2)})
    changes = compare_snapshots(before, after, {"C": "appeal_upheld", "A": "moved"}).to_pylist()
    assert [(row["listing_id"], row["change"], row["release_reason"], row["measure"]) for row in changes] == [
        ("B", "CHANGE", None, "close"),
        ("C", "RELEASE", "appeal_upheld", "verify"),
        ("D", "RELEASE", "withdrawn", "close"),
        ("E", "ADD", None, "verify"),
    ]


def test_two_equal_snapshots_have_no_changes() -> None:
    same = table_of({"A": ("verify", ["a"], 1)})
    assert compare_snapshots(same, same, {}).num_rows == 0


@pytest.mark.parametrize(
    "wrong", [{}, {"A": ("close", None, None), "B": ("verify", None, 1)}], ids=["too old", "too new"]
)
def test_changes_of_another_version_are_refused_whole(wrong: Rows) -> None:
    changes = compare_snapshots(
        table_of({"A": ("verify", None, 1)}),
        table_of({"A": ("close", None, None), "B": ("verify", None, 1)}),
        {},
    )
    with pytest.raises(ValueError, match="not from this version"):
        apply_changes(table_of(wrong), changes)


def test_a_listing_changed_twice_is_refused() -> None:
    changes = compare_snapshots(table_of({}), table_of({"A": ("verify", None, 1)}), {})
    with pytest.raises(ValueError, match="twice"):
        apply_changes(table_of({}), pa.concat_tables([changes, changes]))


def test_a_snapshot_of_an_older_layout_gets_the_new_columns_as_null_and_changes_every_row() -> None:
    older = table_of({"A": ("verify", ["a"], 1)}).drop_columns(["reasons"])
    fitted = conform(older, SCHEMA)
    assert fitted.to_pylist() == [{**older.to_pylist()[0], "reasons": None}]
    changes = compare_snapshots(fitted, table_of({"A": ("verify", ["a"], 1)}), {})
    assert changes["change"].to_pylist() == ["CHANGE"]


def test_changes_of_the_columns_that_a_carrier_gets_are_seen(
    to_rows: Callable[..., Any], listing: Callable[..., dict[str, Any]]
) -> None:
    old, new = (
        to_rows([listing("L01", 1, "phone", "cmcc")]),
        to_rows([listing("L01", 9, "phone", "cmcc", phone_id=1001)]),
    )
    columns = [name for name in old.column_names if name not in ("administrator", "outcome", "protected_reason")]
    changes = compare_snapshots(old.select(columns), new.select(columns), {})
    assert changes.select(["change", "imsi"]).to_pylist() == [{"change": "CHANGE", "imsi": None}]
