"""What surrounds the run: mistakes found before it, releases read after it, the table at its end."""

import json
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from jobs.core.errors import UserError
from jobs.core.settings import Settings
from jobs.rehearse.facts import read_snapshots
from jobs.rehearse.play import Player, rehearse

Write = Callable[[str, str], Path]


def test_a_label_of_no_type_stops_the_rehearsal_before_it_runs(write_case: Write) -> None:
    path = write_case("typo", "  2026-10-01: {expect: {not_listed: ['@fone.P']}}\n")
    with pytest.raises(
        UserError, match=r"typo\.yaml:4: '@fone\.P': 'fone' is no identifier type; did you mean 'phone'\?"
    ):
        rehearse([path], Settings(), None, print)


def test_a_policy_is_looked_at_before_a_lake_is_made(write_case: Write, tmp_path: Path) -> None:
    path = write_case("story", "  2026-10-01: {expect: {events: 0}}\n")
    with pytest.raises(UserError, match="there is no such policy"):
        rehearse([path], Settings(), "defualt", print, keep=tmp_path / "kept")
    assert not (tmp_path / "kept").exists()


def test_a_check_that_breaks_over_invented_records_is_told_of_and_holds_no_release(write_case: Write) -> None:
    """200 accounts without a phone: of a real feed a broken share, of a case what it is about."""
    accounts = "".join(f"      - {{account_no: '@bank_account.B{n}', institution_id: icbc}}\n" for n in range(200))
    path = write_case(
        "unbound",
        f"  2026-10-01:\n    finance/accounts:\n{accounts}    public_security/case_reports:\n"
        "      - {finding: confirmed, authority_level: city, involved: [{role: payee, identifier: '@bank_account.B1'}]}\n"
        "    expect: {release: {recipient: icbc, contains: '@bank_account.B1'}}\n",
    )
    said: list[str] = []
    (result,) = rehearse([path], Settings(), None, said.append)
    assert result.differences == ()
    (told,) = [line.strip() for line in said if "check failed" in line]
    assert told.startswith("check failed: finance/accounts: unbound: ")
    assert told.endswith("; holds nothing tonight")


def test_a_case_whose_record_is_set_aside_unnoticed_is_told_of_it(write_case: Write) -> None:
    """Nobody is listed, for the role is none that there is: not what the case is about."""
    path = write_case(
        "thief",
        "  2026-10-01:\n    public_security/case_reports:\n"
        "      - {finding: confirmed, involved: [{role: thief, identifier: '@bank_account.B'}]}\n"
        "    expect: {not_listed: '@bank_account.B'}\n",
    )
    (result,) = rehearse([path], Settings(), None, print)
    assert result.is_ok
    assert result.remarks == (
        "night 2026-10-01: record 1 of public_security/case_reports, element 0 is in quarantine (unknown_code in role), which no expectation of the case names",
    )


def test_a_rehearsal_begins_in_an_empty_folder(write_case: Write, tmp_path: Path) -> None:
    path = write_case("story", "  2026-10-01: {expect: {events: 0}}\n")
    with pytest.raises(UserError, match="is not an empty folder"):
        rehearse([path], Settings(), None, print, keep=tmp_path)


def test_a_case_knows_its_own_night_before(prepared: Callable[..., dict[str, Player]]) -> None:
    player = prepared(story="  2026-10-05: {expect: {events: 0}}\n  2026-10-01: {expect: {events: 0}}\n")["story"]
    first, last = player.case.dates
    assert player.night_before(first) is None
    assert player.night_before(last) == first


def test_the_release_that_latest_names_is_read(tmp_path: Path) -> None:
    for version, listing in ((1, "old"), (2, "new"), (3, "not-yet-published")):
        folder = tmp_path / "icbc" / str(version)
        folder.mkdir(parents=True)
        pq.write_table(pa.table({"listing_id": [listing], "measure": ["verify"]}), folder / "snapshot.parquet")
    (tmp_path / "icbc" / "latest.json").write_text(json.dumps({"version": 2}), encoding="utf-8")
    assert read_snapshots(tmp_path) == {"icbc": frozenset({"new"})}
