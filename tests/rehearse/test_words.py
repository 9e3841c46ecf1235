"""A word that is on no list is named with its line before anything runs."""

from collections.abc import Callable
from pathlib import Path

import pytest

from jobs.core.contracts import CodeList, Feed
from jobs.core.errors import UserError
from jobs.core.settings import ROOT
from jobs.rehearse.model import load_case
from jobs.rehearse.words import Words, known_words, unknown_words
from jobs.releases.recipients import load_recipients

Write = Callable[[str, str], Path]


@pytest.fixture(scope="module")
def words(codes: dict[str, CodeList]) -> Words:
    return known_words(codes, load_recipients(ROOT / "schemas"))


@pytest.mark.parametrize(
    ("expect", "says"),
    [
        ("listed: [{identifier: '@phone.P', reason: because}]", "listed: 'because' is not a reason of a listing; known are finding, "),
        ("released: [{identifier: '@phone.P', reason: verifed}]", "released: 'verifed' is not a reason of a release; did you mean 'verified'?"),
        ("quarantined: [{feed: finance/accounts, reasons: [bad]}]", "quarantined: 'bad' is not a reason of the quarantine; known are undecodable, "),
        ("not_quarantined: {feed: finance/accounts, reasons: wrong_typ}", "not_quarantined: 'wrong_typ' is not a reason of the quarantine; did you mean "),
        ("release: {recipient: nosuchbank, lacks: '@phone.P'}", "release: 'nosuchbank' is not a recipient; known are "),
    ],
    ids=["listed", "released", "quarantined", "not quarantined", "recipient"],
)  # fmt: skip
def test_an_unknown_word_is_named_with_its_line(
    write_case: Write, contracts: dict[str, Feed], words: Words, expect: str, says: str
) -> None:
    path = write_case("words", f"  2026-10-01:\n    expect:\n      events: 0\n      {expect}\n")
    (told,) = unknown_words(path, load_case(path, contracts), words)
    assert told.startswith(f"line 7: {says}")


def test_a_label_of_an_unknown_type_is_refused_with_its_line(
    write_case: Write, contracts: dict[str, Feed], words: Words
) -> None:
    path = write_case("label", "  2026-10-01:\n    expect:\n      not_listed: ['@bankaccount.B']\n")
    with pytest.raises(UserError) as raised:
        unknown_words(path, load_case(path, contracts), words)
    says = "'@bankaccount.B': 'bankaccount' is no identifier type; did you mean 'bank_account'?"
    assert str(raised.value).startswith(f"{path}:6: {says}")


def test_an_unknown_edge_kind_is_named_with_its_line(write_case: Write, contracts: dict[str, Feed]) -> None:
    path = write_case("kind", "  2026-10-01:\n    expect:\n      not_shared: [{identifier: '@imei.D', kind: devise}]\n")
    with pytest.raises(UserError, match=r"kind\.yaml:6: .*'devise' is not an edge kind; did you mean 'device'\?"):
        load_case(path, contracts)
