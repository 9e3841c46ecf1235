"""Every code has exactly one recipient, and a wrong file is named."""

import shutil
from pathlib import Path

import pytest

from jobs.core.contracts import load_codes
from jobs.core.errors import UserError
from jobs.core.settings import ROOT
from jobs.releases.recipients import Recipient, administrators_by_type, load_recipients


@pytest.fixture
def schemas(tmp_path: Path) -> Path:
    """A copy of the schemas that a test may spoil."""
    for part in ("codes", "recipients"):
        shutil.copytree(ROOT / "schemas" / part, tmp_path / part)
    return tmp_path


def edit(path: Path, old: str, new: str) -> None:
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")


def test_every_carrier_institution_and_platform_is_a_recipient_by_its_code(
    recipients: dict[str, Recipient],
) -> None:
    codes = load_codes(ROOT / "schemas")
    coded = {code for name in ("carriers", "institutions", "platforms") for code in codes[name].codes}
    assert len(coded) == sum(len(codes[name].codes) for name in ("carriers", "institutions", "platforms"))
    assert set(recipients) == coded | {"cnnic", "mps"}


def test_documents_go_to_public_security_alone_and_sites_to_the_registrar(
    recipients: dict[str, Recipient],
) -> None:
    assert administrators_by_type(recipients) == {
        "domain": "cnnic", "url": "cnnic", "crypto_wallet": "mps",
        "national_id": "mps", "passport": "mps", "other_document": "mps", "uscc": "mps",
    }  # fmt: skip


def test_each_recipient_answers_through_the_feed_of_its_own_agency(recipients: dict[str, Recipient]) -> None:
    feeds = {name: recipients[name].outcomes_feed for name in ("cmcc", "icbc", "alipay", "wechat", "cnnic", "mps")}
    assert feeds == {
        "cmcc": "telecom/measure_outcomes", "icbc": "finance/measure_outcomes",
        "alipay": "finance/measure_outcomes",
        "wechat": "internet/measure_outcomes", "cnnic": "internet/measure_outcomes", "mps": None,
    }  # fmt: skip


def test_a_code_without_a_recipient_is_named(schemas: Path) -> None:
    (schemas / "recipients" / "icbc.yml").unlink()
    with pytest.raises(UserError, match=r"no recipient for icbc of schemas/codes/institutions\.yml; write icbc\.yml"):
        load_recipients(schemas)


def test_a_recipient_whose_code_is_on_no_list_is_named(schemas: Path) -> None:
    text = (schemas / "recipients" / "qq.yml").read_text(encoding="utf-8")
    (schemas / "recipients" / "nosuch.yml").write_text(text.replace("qq", "nosuch"), encoding="utf-8")
    with pytest.raises(UserError, match="'nosuch' is not a code of"):
        load_recipients(schemas)


def test_a_type_that_two_administer_is_named(schemas: Path) -> None:
    edit(schemas / "recipients" / "mps.yml", "types: [national_id", "types: [domain, national_id")
    with pytest.raises(UserError, match="domain is administered by cnnic and mps"):
        load_recipients(schemas)


def test_a_bank_that_the_codes_call_a_payment_institution_is_named(schemas: Path) -> None:
    edit(schemas / "recipients" / "alipay.yml", "kind: payment_institution", "kind: bank")
    with pytest.raises(UserError, match=r"alipay\.yml: kind is bank, but .* says payment_institution"):
        load_recipients(schemas)


@pytest.mark.parametrize(
    ("old", "new", "rule"),
    [
        ("agency: telecom", "agency: finance", "agency of a carrier is telecom"),
        ("carrier: cmcc", "carrier: cucc", "id of a carrier is the carrier that it administers"),
        ("carrier: cmcc", "platform: cmcc", "administers of a carrier names its carrier"),
        ("identifiers: clear", "identifiers: plain", "identifiers"),
        ("identifiers: clear", "identifiers: clear\ncolour: red", "colour: is not a known key"),
        ("id: cmcc", "id: cmccx", "must be called|id of a carrier"),
    ],
    ids=["agency", "code", "word", "form", "unknown", "name"],
)
def test_a_recipient_file_with_a_mistake_is_refused_by_name(schemas: Path, old: str, new: str, rule: str) -> None:
    edit(schemas / "recipients" / "cmcc.yml", old, new)
    with pytest.raises(UserError, match=rule):
        load_recipients(schemas)
