"""docs/add-a-feed.md is true.

Its contracts load, its reader reads its file, its list of readers is the list of readers.
"""

import re
import shutil
import textwrap
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml

from jobs.core.contracts import load_codes, load_contracts
from jobs.core.settings import ROOT
from jobs.land import land, readers

PAGE = (ROOT / "docs" / "add-a-feed.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    found = re.findall(rf"^ *```{language}\n(.*?)^ *```$", PAGE, flags=re.DOTALL | re.MULTILINE)
    return [textwrap.dedent(block) for block in found]


@pytest.fixture
def schemas(tmp_path: Path) -> Path:
    """The project's schemas with the page's two contracts beside them."""
    folder = tmp_path / "schemas"
    shutil.copytree(ROOT / "schemas", folder)
    for block in blocks("yaml"):
        agency, feed = yaml.safe_load(block)["id"].split("/")
        (folder / "feeds" / f"{agency}__{feed}.yml").write_text(block, encoding="utf-8")
    return folder


def land_example(schemas: Path, feed: str, file: Path) -> Any:
    return land(
        feed,
        [file],
        landing=schemas.parent / "landing",
        business_date=date(2026, 11, 22),
        contracts=load_contracts(schemas),
        codes=load_codes(schemas),
        produced_at=datetime(2026, 11, 22, 10, 0, tzinfo=UTC),
        say=lambda text: None,
    )


def test_the_pages_agency_feed_lands_a_file_of_its_format(schemas: Path, tmp_path: Path) -> None:
    file = tmp_path / "complaints.csv"
    file.write_text(
        "record_id,op,recorded_at,account_kind,institution_id,account_no,complained_at\n"
        "1,upsert,2026-11-22,payment_account,alipay,invented,2026-11-21\n"
    )
    report = land_example(schemas, "finance/account_complaints", file)
    assert (report.rows_read, report.rows_written, report.mode) == (1, 1, "delta")


def test_the_pages_public_list_lands_with_the_counts_that_the_page_gives(
    schemas: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (code,), (text,) = blocks("python"), blocks("text")
    monkeypatch.setitem(readers.READERS, "example_blocklist", readers.READERS["hosts_file"])
    exec(compile(code, "docs/add-a-feed.md", "exec"), dict(vars(readers)))
    file = tmp_path / "list.txt"
    file.write_text(text, encoding="utf-8")

    report = land_example(schemas, "internet/example_blocklist", file)
    assert (report.rows_read, report.rows_written) == (3, 2)
    assert (report.mended, report.dropped) == ({"date": 1}, {"comment": 1})
    assert "`3 rows read, 2 written`, `mended date: 1`, `dropped comment: 1`" in PAGE


def test_the_page_lists_every_reader_and_no_other() -> None:
    table = PAGE.split("## Readers that there are")[1]
    assert re.findall(r"^\| `(\w+)` \|", table, flags=re.MULTILINE) == list(readers.READERS)
