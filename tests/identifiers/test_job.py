"""The stage over a small lake: one row per identifier, what is protected, and a clash that stops the night."""

from datetime import date
from pathlib import Path
from typing import Any, cast

import pytest

from jobs.core.contracts import load_codes, load_contracts
from jobs.core.lake import Lake
from jobs.core.night import Night, StageReport
from jobs.core.schema import load_tables
from jobs.core.settings import ROOT, Settings
from jobs.identifiers.job import run
from jobs.identifiers.keys import digest_py, node_id_py
from tests.frames import build, read

CONTRACTS = load_contracts(ROOT / "schemas")
TABLES = load_tables(ROOT / "schemas", CONTRACTS)
ON = date(2026, 11, 22)
KEY = b"a key of tests"


class World:
    """A lake with a vault and a guard list, and nights over it. Without a session: what needs Spark fails."""

    def __init__(self, root: Path) -> None:
        self.settings = Settings(lake=str(root / "lake"))
        self.lake = Lake(cast(Any, None), self.settings.lake, TABLES)

    def know(self, type_: str, value: str, seen: str, **changes: Any) -> None:
        """One row of the vault."""
        row = {
            "node_id": node_id_py(KEY, type_, value),
            "digest": digest_py(KEY, type_, value),
            "type": type_,
            "value": value,
        }
        rows = [row | {"first_seen_on": seen, "night_on": "2026-11-22"} | changes]
        self.lake.append("vault.identifiers", build(TABLES["vault.identifiers"].ddl, rows))

    def guard(self, *domains: str | None, feed: str = "guard__top_sites") -> None:
        """What stands of a list of domains."""
        ids = [None if domain is None else node_id_py(KEY, "domain", domain) for domain in domains]
        self.stand(feed, [{"domain_id": id_} for id_ in ids])

    def stand(self, feed: str, records: list[dict[str, Any]]) -> None:
        """Versions of records in silver, the latest last; record ids are their places unless told."""
        rows = [
            {
                "record_id": str(place), "op": "upsert", "frees_only": False, "recorded_at": "2026-11-20", "sequence": 1,
                "delivery_id": "d", "file": "f", "line": place, "business_date": "2026-11-20", "night_on": "2026-11-20",
            } | record
            for place, record in enumerate(records)
        ]  # fmt: skip
        self.lake.replace(f"silver.{feed}", build(TABLES[f"silver.{feed}"].ddl, rows))

    def night(self) -> StageReport:
        return run(
            Night(
                spark=cast(Any, None), lake=self.lake, settings=self.settings, on=ON, contracts=CONTRACTS,
                codes=load_codes(ROOT / "schemas"), policy=None, recipients=None, key=KEY,
            )
        )  # fmt: skip

    def made(self) -> dict[int, dict[str, Any]]:
        return {row.pop("node_id"): row for row in read(self.lake.frame("graph.identifiers"))}

    def protected(self, *identifiers: tuple[str, str]) -> dict[tuple[str, str], tuple[str | None, bool]]:
        """Of each identifier why it is protected and whether it is guarded, as the table has it."""
        rows = self.made()
        found = {key: rows[node_id_py(KEY, *key)] for key in identifiers}
        return {key: (row["protected_reason"], row["is_guarded"]) for key, row in found.items()}


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


def test_an_empty_vault_gives_an_empty_table(world: World) -> None:
    assert world.night() == StageReport(rows_in=0, rows_out=0, notes=[])
    assert world.made() == {}
    assert world.lake.has("graph.identifiers")


def test_an_identifier_is_one_row_without_its_value_first_seen_on_the_least_date(world: World) -> None:
    account, phone = "icbc:6222020000000000000", "+8613812345678"
    world.know("bank_account", account, "2026-11-20", scope="icbc")
    world.know("bank_account", account, "2026-11-03", scope="icbc")
    world.know("phone", phone, "2026-11-21")
    assert world.night() == StageReport(rows_in=2, rows_out=2, notes=[])
    plain = {"protected_reason": None, "is_guarded": False}
    assert world.made() == {
        node_id_py(KEY, "bank_account", account): {
            "type": "bank_account", "scope": "icbc", "first_seen_on": date(2026, 11, 3), **plain,
        },
        node_id_py(KEY, "phone", phone): {"type": "phone", "scope": None, "first_seen_on": date(2026, 11, 21), **plain},
    }  # fmt: skip


def test_policy_public_suffixes_and_guard_lists_protect_and_the_report_counts_them(world: World) -> None:
    expected = {
        ("domain", "guarded.example.com"): ("guard_list", True),
        ("domain", "below.guarded.example.com"): (None, False),
        ("url", "http://guarded.example.com/x"): (None, False),
        ("domain", "weibo.com"): ("platform_domain", True),
        ("domain", "icbc.com.cn"): ("bank_domain", False),
        ("domain", "github.io"): ("public_suffix", True),
        ("phone", "+862195588"): ("bank_hotline", False),
    }
    for type_, value in expected:
        world.know(type_, value, "2026-11-20")
    world.guard("guarded.example.com", "guarded.example.com", "weibo.com", "nobody.named.example.com", None)
    assert world.night() == StageReport(rows_in=7, rows_out=7, notes=["protected: 5 identifiers"])
    assert world.protected(*expected) == expected


def test_a_list_protects_what_is_below_its_domains_when_its_contract_says_so(world: World) -> None:
    expected = {
        ("domain", "bank.example.com"): ("guard_list", True),
        ("domain", "login.bank.example.com"): ("guard_list", False),
        ("url", "http://login.bank.example.com/x"): ("guard_list", False),
        ("email", "a@bank.example.com"): ("guard_list", False),
        ("domain", "site.example.com"): ("guard_list", True),
        ("url", "http://site.example.com/"): ("guard_list", False),
        ("domain", "below.site.example.com"): (None, False),
        ("url", "http://below.site.example.com/"): (None, False),
        ("domain", "short.example.com"): ("guard_list", True),
        ("url", "http://short.example.com/x"): (None, False),
    }
    for type_, value in expected:
        world.know(type_, value, "2026-11-20")
    world.guard("bank.example.com", "nobody.named.example.com", None, feed="guard__bank_websites")
    world.guard("site.example.com")
    world.guard("short.example.com", feed="guard__url_shorteners")
    assert world.night().notes == ["protected: 7 identifiers"]
    assert world.protected(*expected) == expected


def test_a_number_that_a_standing_pattern_matches_whole_is_protected_and_a_bad_pattern_is_noted(world: World) -> None:
    expected = {
        ("phone", "+12025550143"): ("guard_list", False),
        ("phone", "+120255501430"): (None, False),
        ("phone", "+447700900123"): (None, False),
        ("phone", "+8613812345678"): (None, False),
    }
    for type_, value in expected:
        world.know(type_, value, "2026-11-20")
    world.stand("guard__reserved_phone_numbers", [
        {"e164_pattern": r"\+1[0-9]{3}55501[0-9]{2}"}, {"e164_pattern": "([+]86"}, {"e164_pattern": None}, {"e164_pattern": "[+]86)|(.*"},
        {"record_id": "gone", "e164_pattern": r"\+447700900[0-9]{3}"}, {"record_id": "gone", "op": "withdraw"},
    ])  # fmt: skip
    assert world.night().notes == [
        "guard/reserved_phone_numbers: no regular expression, so it protects nothing: e164_pattern of record '1' and of 1 more",
        "protected: 1 identifiers",
    ]
    assert world.protected(*expected) == expected


def test_two_values_under_one_node_id_stop_the_night_and_leave_the_table_as_it_was(world: World) -> None:
    world.know("phone", "+8613812345678", "2026-11-20")
    world.night()
    before, version = world.made(), world.lake.versions["graph.identifiers"]
    world.know("phone", "+8613900000000", "2026-11-20", node_id=node_id_py(KEY, "phone", "+8613812345678"))
    with pytest.raises(RuntimeError, match=r"^two identifiers share one node id; no graph can be built on that$"):
        world.night()
    assert (world.made(), world.lake.versions["graph.identifiers"]) == (before, version)


def test_a_night_that_knows_no_more_writes_no_version(world: World) -> None:
    world.know("phone", "+8613812345678", "2026-11-20")
    world.night()
    version = world.lake.versions["graph.identifiers"]
    world.know("phone", "+8613812345678", "2026-11-21")
    world.night()
    assert world.lake.versions["graph.identifiers"] == version
