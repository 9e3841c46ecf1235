"""A contract with a mistake in it is refused in one sentence that names file, line and rule."""

from pathlib import Path

import pytest

from jobs.core.contracts import load_codes, load_contracts
from jobs.core.errors import UserError
from jobs.core.settings import ROOT
from tests.core.world import FEED, FIELDS, line_with, write_schemas


def refusal(folder: Path, feed: str = FEED, fields: str = FIELDS) -> str:
    """The sentence with which these schemas are refused, without the folder."""
    schemas = write_schemas(folder, feed, fields)
    with pytest.raises(UserError) as caught:
        load_contracts(schemas)
    sentence = str(caught.value)
    assert "\n" not in sentence
    return sentence.replace(f"{schemas}/", "")


def test_a_column_takes_from_fields_what_the_contract_does_not_say(tmp_path: Path) -> None:
    feed = load_contracts(write_schemas(tmp_path))["telecom/calls"]
    names = ["record_id", "op", "recorded_at", "msisdn", "carrier", "began_at", "ended_at"]
    assert [column.name for column in feed.schema_] == names
    assert feed.columns["msisdn"].classification == "personal"
    assert feed.columns["carrier"].codes == "carriers"
    assert (feed.agency, feed.name, feed.table) == ("telecom", "calls", "telecom__calls")


def test_a_contract_may_narrow_what_fields_say(tmp_path: Path) -> None:
    feed = FEED.replace("{name: carrier}", "{name: carrier, required: false}")
    assert load_contracts(write_schemas(tmp_path, feed))["telecom/calls"].columns["carrier"].required is False


@pytest.mark.parametrize(
    ("right", "wrong", "expected"),
    [
        ("status: active", "status: activ", "status: Input should be 'active' or 'retired'"),
        ("modes:", "mode:", "mode: is not a known key; did you mean 'modes'?"),
        ("format: {type: csv}", "format: {type: cvs}", "format.type: Input should be 'csv', 'jsonl' or 'parquet'"),
        ("version: 1.0.0", "version: 1.0", "version: Input should be a valid string"),
        ("{name: msisdn}", "{name: msisdn, requird: false}", "schema.0.requird: is not a known key"),
        ("{name: carrier}", "{name: carrier, requird: false}", "schema.1.requird: is not a known key"),
        ("    logicalType: timestamp", "    logicaltype: timestamp", "schema.2.logicaltype: is not a known key"),
        ("{name: ended_at, ", "{name: ended_at, codes: ops, ", "schema.3: column 'ended_at': 'codes' goes with"),
        ("{name: carrier}", "{name: msisdn}  # again", "schema.1: column 'msisdn' is named twice"),
        ("{name: carrier}", "{name: record_id}", "schema.1: column 'record_id' is named twice"),
        ("{name: carrier}", "{nam: carrier}", "schema: each column is a mapping with a name"),
        ("{name: carrier}", "{name: [carrier]}", "schema: each column is a mapping with a name"),
        ("    value: msisdn", "    valeu: msisdn", "identifiers.phone.valeu: is not a known key"),
        ("  - [began_at, ended_at]", "  - [began_at, end_at]", "intervals.0: names column 'end_at', which the schema"),
    ],
    ids=["value", "missing", "format", "version", "first-column", "second-column", "block-column", "codes-without-code",
         "twice", "base-column-again", "nameless", "list-as-name", "identifier-key", "interval"],
)  # fmt: skip
def test_a_typo_is_named_with_the_line_it_stands_in(tmp_path: Path, right: str, wrong: str, expected: str) -> None:
    assert FEED.count(right) == 1
    feed = FEED.replace(right, wrong)
    where, line, sentence = refusal(tmp_path, feed).split(":", 2)
    assert where == "feeds/telecom__calls.yml"
    assert sentence.strip().startswith(expected)
    assert int(line) == line_with(feed, wrong.strip())


@pytest.mark.parametrize(
    ("predicate", "expected"),
    [
        ("carrier = 'cmcc' AND", "is not a predicate in SQL: "),
        ("carier = 'cmcc'", "names column 'carier', which the schema does not have"),
        ("carrier RLIKE '['", "is not a predicate in SQL: "),
        ("nosuch(carrier)", "is not a predicate in SQL: "),
        ("began_at = 'x'", "is not a predicate in SQL: "),
        ("carrier || 'x'", "is not a predicate: it gives a value, not true or false"),
    ],
    ids=["cut", "column", "pattern", "function", "type", "value"],
)
@pytest.mark.parametrize("where", ["frees", "rules"])
def test_a_predicate_that_cannot_be_asked_is_refused_when_the_contract_is_read(
    tmp_path: Path, predicate: str, expected: str, where: str
) -> None:
    """And not in the night in which the first row comes."""
    line = f'frees: "{predicate}"\n' if where == "frees" else f'rules:\n  odd: "{predicate}"\n'
    name = "frees" if where == "frees" else "rules.odd"
    file, number, sentence = refusal(tmp_path, FEED + line).split(":", 2)
    assert sentence.strip().startswith(f"{name}: {expected}")
    assert (FEED + line).splitlines()[int(number) - 1].strip() == line.splitlines()[-1].strip()
    assert file == "feeds/telecom__calls.yml"
    good = line.replace(predicate, "carrier = 'cmcc' AND ended_at IS NULL")
    assert load_contracts(write_schemas(tmp_path, FEED + good))


def test_an_identifier_that_names_an_absent_column_is_refused_at_its_line(tmp_path: Path) -> None:
    feed = FEED.replace("value: msisdn", "value: number")
    expected = "identifiers.phone: names column 'number', which the schema does not have"
    assert refusal(tmp_path, feed) == f"feeds/telecom__calls.yml:{line_with(feed, '  phone:')}: {expected}"


def test_an_identifier_has_one_type_or_the_column_that_says_it(tmp_path: Path) -> None:
    feed = FEED.replace("    type: phone", "    type: phone\n    type_from: carrier")
    assert refusal(tmp_path, feed).endswith("identifiers.phone: give exactly one of 'type' and 'type_from'")


GUARD = """kind: DataContract
apiVersion: v3.1.0
id: guard/sites
version: 1.0.0
status: active
description: One record is one site.
format: {type: csv}
modes: [snapshot]
guards: below
schema:
  - {name: site, logicalType: string, description: Its domain}
identifiers:
  site: {type: domain, value: site}
"""
PATTERNS = GUARD.replace("guards: below", "guards: matching").replace("name: site", "name: e164_pattern")
PATTERNS = PATTERNS[: PATTERNS.index("identifiers:")]


def guards_of(folder: Path, text: str) -> str | None:
    """What a list with this contract guards."""
    schemas = write_schemas(folder)
    (schemas / "feeds" / "guard__sites.yml").write_text(text, encoding="utf-8")
    return load_contracts(schemas)["guard/sites"].guards


@pytest.mark.parametrize(
    ("text", "guards"),
    [(GUARD, "below"), (GUARD.replace("below", "itself"), "itself"), (PATTERNS, "matching")],
    ids=["below", "itself", "matching"],
)
def test_a_guard_list_says_what_it_guards(tmp_path: Path, text: str, guards: str) -> None:
    assert guards_of(tmp_path, text) == guards


@pytest.mark.parametrize(
    ("text", "line", "says"),
    [
        (GUARD.replace("guards: below\n", ""), 1, "guards: a list of agency guard says what it guards, and no other feed does"),
        (GUARD.replace("guards: below", "guards: all"), 9, "guards: Input should be 'itself', 'below' or 'matching'"),
        (GUARD.replace("domain", "url"), 9, "guards: 'below' goes with identifiers of type domain"),
        (GUARD[: GUARD.index("identifiers:")], 9, "guards: 'below' goes with identifiers of type domain"),
        (PATTERNS.replace("matching", "itself"), 9, "guards: 'itself' goes with identifiers that have a type"),
        (GUARD.replace("below", "matching"), 9, "guards: 'matching' goes with a column e164_pattern, a string that is not personal, and no identifiers"),
        (PATTERNS.replace("string", "integer"), 9, "guards: 'matching' goes with a column e164_pattern"),
        (PATTERNS.replace("string", "string, classification: personal"), 9, "guards: 'matching' goes with a column e164_pattern"),
        (PATTERNS + "identifiers: {a: {type: phone, value: e164_pattern}}\n", 9, "guards: 'matching' goes with a column e164_pattern"),
    ],
    ids=["nothing", "word", "below-of-urls", "below-of-nothing", "itself-of-nothing", "no-pattern", "number", "personal", "both"],
)  # fmt: skip
def test_what_a_list_cannot_guard_is_refused(tmp_path: Path, text: str, line: int, says: str) -> None:
    with pytest.raises(UserError) as caught:
        guards_of(tmp_path, text)
    where, at, sentence = str(caught.value).removeprefix(f"{tmp_path}/schemas/").split(":", 2)
    assert (where, int(at)) == ("feeds/guard__sites.yml", line)
    assert sentence.strip().startswith(says)


def test_a_feed_of_another_agency_guards_nothing(tmp_path: Path) -> None:
    feed = FEED.replace("modes: [delta]", "modes: [delta]\nguards: itself")
    expected = "guards: a list of agency guard says what it guards, and no other feed does"
    assert refusal(tmp_path, feed) == f"feeds/telecom__calls.yml:{line_with(feed, 'guards:')}: {expected}"


def test_an_unknown_code_list_is_refused_at_the_line_of_its_column(tmp_path: Path) -> None:
    feed = FEED.replace("{name: carrier}", "{name: carrier, codes: cariers}")
    line = line_with(feed, "cariers")
    expected = "column 'carrier': there is no code list 'cariers' in schemas/codes"
    assert refusal(tmp_path, feed) == f"feeds/telecom__calls.yml:{line}: {expected}"


def test_an_unknown_code_list_inside_an_array_is_refused_too(tmp_path: Path) -> None:
    element = "      - {name: kind, logicalType: code, codes: knids, description: Kind}\n"
    array = "  - name: legs\n    logicalType: array\n    description: Legs\n    items:\n     schema:\n" + element
    feed = FEED.replace("identifiers:\n", array + "identifiers:\n")
    sentence = refusal(tmp_path, feed)
    assert sentence.startswith(f"feeds/telecom__calls.yml:{line_with(feed, 'knids')}: column 'kind': there is no code")


def test_a_typo_inside_an_array_is_named_with_its_line(tmp_path: Path) -> None:
    element = "      - {name: kind, logicalType: strin, description: Kind}\n"
    array = "  - name: legs\n    logicalType: array\n    description: Legs\n    items:\n     schema:\n" + element
    feed = FEED.replace("identifiers:\n", array + "identifiers:\n")
    sentence = refusal(tmp_path, feed)
    assert sentence.startswith(f"feeds/telecom__calls.yml:{line_with(feed, 'strin')}: schema.4.items.schema.0.logicalT")


def test_a_key_given_twice_is_refused(tmp_path: Path) -> None:
    feed = FEED.replace("status: active\n", "status: active\nversion: 2.0.0\n")
    line = line_with(feed, "version: 2.0.0")
    assert refusal(tmp_path, feed) == f"feeds/telecom__calls.yml:{line}: not valid YAML: key 'version' is given twice"


def test_a_typo_in_fields_is_told_of_fields_and_not_of_the_contract(tmp_path: Path) -> None:
    fields = FIELDS.replace("classification: personal", "clasification: personal")
    assert refusal(tmp_path, fields=fields) == "fields.yml:4: msisdn.clasification: is not a known key"
    assert refusal(tmp_path, fields="msisdn: text\n") == "fields.yml:1: msisdn: must be a mapping of names to values"
    assert refusal(tmp_path, fields="- msisdn\n").startswith("fields.yml:1: must be a mapping")


@pytest.mark.parametrize(
    "schema", ["schema: text", "schema: 5", "schema: {name: msisdn}"], ids=["text", "number", "map"]
)
def test_a_schema_that_is_no_list_is_refused(tmp_path: Path, schema: str) -> None:
    feed = FEED[: FEED.index("schema:")] + schema + "\n"
    assert refusal(tmp_path, feed) == "feeds/telecom__calls.yml:9: schema: must be a list of columns"


def test_a_contract_in_a_file_of_another_name_is_refused(tmp_path: Path) -> None:
    sentence = refusal(tmp_path, FEED.replace("telecom/calls", "telecom/talks"))
    assert sentence == (
        "feeds/telecom__calls.yml:1: holds 'telecom/talks', so the file must be called telecom__talks.yml"
    )


def test_a_folder_without_contracts_is_refused(tmp_path: Path) -> None:
    schemas = write_schemas(tmp_path)
    (schemas / "feeds" / "telecom__calls.yml").unlink()
    with pytest.raises(UserError, match=r"no contracts found; is this the schemas folder\?"):
        load_contracts(schemas)


def test_an_alias_that_leads_to_no_code_is_refused_at_its_line(tmp_path: Path) -> None:
    path = write_schemas(tmp_path) / "codes" / "carriers.yml"
    path.write_text(
        "id: carriers\ndescription: x\ncodes:\n  a: {title: A}\naliases:\n  甲: a\n  乙: b\n", encoding="utf-8"
    )
    with pytest.raises(UserError) as caught:
        load_codes(tmp_path / "schemas")
    assert str(caught.value) == f"{path}:7: aliases.乙: leads to 'b', which is not a code of this list"


def test_every_contract_of_the_product_loads_and_keeps_its_file_name() -> None:
    feeds = load_contracts(ROOT / "schemas")
    files = {path.stem for path in (ROOT / "schemas" / "feeds").glob("*.yml")}
    assert {feed.table for feed in feeds.values()} == files
    assert all(list(feed.columns)[:3] == ["record_id", "op", "recorded_at"] for feed in feeds.values())
