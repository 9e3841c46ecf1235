"""Each foreign layout, in a few rows that are invented.

What is mended, what is dropped, what is left for quarantine.
"""

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from jobs.core.errors import UserError
from jobs.land.readers import READERS, e164_pattern
from jobs.land.reading import Reading, Rules, Source, iso_date, row_key, site_of

PRODUCED = datetime(2026, 11, 22, 10, 0, tzinfo=UTC)


def read(name: str, text: str | bytes) -> Reading:
    layout = READERS[name]
    reading = Reading(layout.rules)
    data = text.encode() if isinstance(text, str) else text
    layout.read(Source("list.txt", data, PRODUCED), reading)
    assert reading.read + reading.added.total() == len(reading.records) + reading.dropped.total()
    return reading


def column(reading: Reading, name: str) -> list[Any]:
    return [record.get(name) for record in reading.records]


# LINE accounts

LINE_HEADER = "\ufeff編號,帳號,通報日期\r\n"


def test_a_line_account_keeps_the_publishers_key_and_gets_a_plain_date() -> None:
    reading = read("npa_line_ids", LINE_HEADER + "7,invented_id,2017/1/2\r\n")
    assert reading.records == [
        {
            "op": "upsert",
            "record_id": "7",
            "recorded_at": "2017-01-02",
            "platform": "line",
            "account_id": "invented_id",
            "listed_at": "2017-01-02",
        }
    ]
    assert reading.mended == {"bom": 1, "crlf": 1, "date": 1}


def test_white_space_around_an_account_is_taken_off_but_not_inside() -> None:
    reading = read("npa_line_ids", LINE_HEADER + "1, first_id\t\t,2017/1/2\r\n2,second\tid,2017/1/2\r\n")
    assert column(reading, "account_id") == ["first_id", "second\tid"]
    assert reading.mended["trimmed"] == 1


@pytest.mark.parametrize("cell", ["first_id/second_id", "first_id、second_id", "@first_id/second_id"])
def test_two_ids_in_one_cell_become_two_records(cell: str) -> None:
    reading = read("npa_line_ids", LINE_HEADER + f"9,{cell},2017/1/2\r\n")
    assert column(reading, "record_id") == ["9-1", "9-2"]
    assert [account.lstrip("@") for account in column(reading, "account_id")] == ["first_id", "second_id"]
    assert (reading.read, reading.added) == (1, {"two_ids": 1})


@pytest.mark.parametrize("cell", ["113/01/02", "first id/second id", "first_id\\", "a/b", "one_id/two_id/three_id"])
def test_what_is_not_plainly_two_ids_stays_one_record(cell: str) -> None:
    reading = read("npa_line_ids", LINE_HEADER + f"9,{cell},2017/1/2\r\n")
    assert column(reading, "account_id") == [cell]
    assert not reading.added


def test_full_width_characters_are_left_to_the_normaliser() -> None:
    reading = read("npa_line_ids", LINE_HEADER + "1,＠invented,2017/1/2\r\n")
    assert column(reading, "account_id") == ["＠invented"]


# Sites

WEEKLY_HEADER = "WEBSITE_NM,WEBURL,CNT,STA_SDATE,STA_EDATE\n網站名稱,網址,件數,統計起始日期,統計結束日期\n"


def test_the_second_header_of_the_weekly_sites_is_dropped_and_counted() -> None:
    reading = read("npa_weekly_sites", WEEKLY_HEADER + "某牌,www.example.com,2,2022/04/11,2022/04/17\n")
    assert (reading.read, reading.dropped) == (2, {"second_header": 1})
    assert column(reading, "platform_name") == ["某牌"]
    assert column(reading, "week_start") == ["2022-04-11"]
    assert column(reading, "recorded_at") == column(reading, "listed_at") == ["2022-04-17"]


@pytest.mark.parametrize(
    ("entry", "kind", "address"),
    [
        ("www.example.com", "domain", "www.example.com"),
        ("192.0.2.7", "ip", "192.0.2.7"),
        ("example.com/app", "url", "http://example.com/app"),
        ("example.com?id=1", "url", "http://example.com?id=1"),
        ("example.com:8967", "url", "http://example.com:8967"),
        ("192.0.2.7:8080/x", "url", "http://192.0.2.7:8080/x"),
        ("https://example.com/a#b", "url", "https://example.com/a#b"),
        ("?example.com", "domain", "?example.com"),
        ("stepname", "domain", "stepname"),
        ("999.1.1.1", "domain", "999.1.1.1"),
    ],
)
def test_an_entry_is_a_host_an_address_or_a_url_by_its_form(entry: str, kind: str, address: str) -> None:
    assert site_of(entry) == (kind, address)


def test_the_same_site_in_another_week_is_another_record() -> None:
    rows = "某牌,example.com,2,2022/04/11,2022/04/17\n某牌,example.com,2,2022/04/18,2022/04/24\n"
    assert len(set(column(read("npa_weekly_sites", WEEKLY_HEADER + rows), "record_id"))) == 2


def test_a_spoofed_site_has_days_for_midnights_and_taiwans_offset() -> None:
    header = "編號,一頁式詐騙購物網站,偽冒網址,網域名稱,詐騙網站創立日期,接獲通報日期,停止解析日期\n"
    row = "1,假冒某店,https://shop.example.com/x,example.com,2023-06-20T15:13:38,2023-06-29T00:00:00,2023-06-30T00:00:00\n"
    (record,) = read("npa_spoofed_sites", header + row).records
    assert (record["created_at"], record["listed_at"], record["blocked_on"]) == (
        "2023-06-20T15:13:38+08:00",
        "2023-06-29",
        "2023-06-30",
    )
    assert (record["url"], record["domain"]) == ("https://shop.example.com/x", "example.com")


def test_blocked_hosts_are_dated_by_the_file() -> None:
    file = {
        "updated_at": "2026-07-02T05:55:11Z",
        "total": 2,
        "domains": {"a.example.com": "甲", "example.org?x=1": "乙"},
    }
    reading = read("npa_blocked_hosts", json.dumps(file, ensure_ascii=False))
    assert column(reading, "recorded_at") == ["2026-07-02T05:55:11Z"] * 2
    assert column(reading, "entry_type") == ["domain", "url"]
    assert reading.mended == {"scheme": 1}


def test_a_host_that_the_file_gives_twice_is_not_lost() -> None:
    domains = '{"a.example.com": "甲", "a.example.com": "乙"}'
    text = f'{{"updated_at": "2026-07-02T05:55:11Z", "total": 2, "domains": {domains}}}'
    assert column(read("npa_blocked_hosts", text), "category") == ["甲", "乙"]


def test_blocked_hosts_that_are_fewer_than_their_total_are_refused() -> None:
    file = {"updated_at": "2026-07-02T05:55:11Z", "total": 3, "domains": {"a.example.com": "甲"}}
    with pytest.raises(UserError, match="cut or mixed"):
        read("npa_blocked_hosts", json.dumps(file))


# Numbers

FTC_HEADER = (
    "Company_Phone_Number,Created_Date,Violation_Date,Consumer_City,Consumer_State,Consumer_Area_Code,Subject,"
    "Recorded_Message_Or_Robocall\r\n"
)


def test_a_complaint_gets_country_code_and_offset() -> None:
    row = '2025550123,2021-07-07 00:01:15,2021-01-06 11:48:00,,Ohio,202,"Debt (cards, loans)",Y\r\n'
    (record,) = read("ftc_dnc_complaints", FTC_HEADER + row).records
    assert record["msisdn"] == "+12025550123"
    assert (record["listed_at"], record["called_at"]) == (
        "2021-07-07T00:01:15-04:00",
        "2021-01-06T11:48:00-05:00",
    )
    assert (record["subject"], record["is_recorded"]) == ("Debt (cards, loans)", "true")


@pytest.mark.parametrize("number", ["", "202555xxxx", "example1", "2025550123;9"])
def test_a_number_that_is_not_of_digits_is_left_for_quarantine(number: str) -> None:
    row = f"{number},2021-07-07 00:01:15,2021-07-06 11:48:00,,Ohio,202,Other,\r\n"
    assert column(read("ftc_dnc_complaints", FTC_HEADER + row), "msisdn") == [number]


def test_a_complaint_given_twice_is_one_record_given_twice() -> None:
    row = "2025550123,2021-07-07 00:01:15,2021-07-06 11:48:00,,Ohio,202,Other,Y\r\n"
    reading = read("ftc_dnc_complaints", FTC_HEADER + row + row)
    assert len(reading.records) == 2
    assert len(set(column(reading, "record_id"))) == 1


def test_a_disposable_number_gets_its_plus_and_the_day_it_was_seen() -> None:
    (record,) = read("disposable_numbers", '{"8613800000000": "2024-04-22"}').records
    assert (record["msisdn"], record["recorded_at"], record["listed_at"]) == (
        "+8613800000000",
        "2024-04-22",
        "2024-04-22",
    )


# Sanctions and tags


def test_a_sanctioned_entity_loses_its_null_markers_and_keeps_its_remarks() -> None:
    nothing = "-0- ," * 7
    row = f'101,"EXAMPLE LTD",-0- ,"NPWMD] [IFSR",{nothing}"Website www.example.com; Linked To: OTHER."\n'
    (record,) = read("ofac_sdn_entities", row).records
    assert (record["record_id"], record["entity_name"], record["entity_kind"]) == ("101", "EXAMPLE LTD", None)
    assert record["programs"] == "NPWMD; IFSR"
    assert record["facts"] == [{"identifier_type": "domain", "identifier": "www.example.com"}]
    assert record["linked_to"] == "OTHER"
    assert record["remarks"] == "Website www.example.com; Linked To: OTHER."
    assert record["recorded_at"] == "2026-11-22T10:00:00+00:00"


WALLET = f"0x{'1a' * 20}"


def tagpack(*tags: str) -> str:
    return "title: Invented pack\nlastmod: 2019-07-18\ntags:\n" + "".join(tags)


def tag(address: str, label: str) -> str:
    return f"- address: '{address}'\n  currency: ETH\n  label: {label}\n  abuse: scam\n"


def test_a_tag_inherits_from_its_pack_and_names_chain_and_site() -> None:
    reading = read("graphsense_tagpacks", tagpack(tag(WALLET, "example.com/give")))
    (record,) = reading.records
    assert record["wallet"] == f"eth:{WALLET}"
    assert (record["entry_type"], record["address"]) == ("url", "http://example.com/give")
    assert (record["listed_at"], record["category"], record["pack"]) == (
        "2019-07-18",
        "scam",
        "Invented pack",
    )
    assert reading.mended == {"inherited": 1, "site_label": 1, "scheme": 1}


@pytest.mark.parametrize(
    ("label", "kind", "address"),
    [
        ("Example giveaway", None, None),
        ("Example", None, None),
        ("mailto:info@example.com", "email", "info@example.com"),
        ("Example.COM", "domain", "Example.COM"),
    ],
)
def test_a_label_is_a_site_only_in_the_form_of_one(label: str, kind: str | None, address: str | None) -> None:
    (record,) = read("graphsense_tagpacks", tagpack(tag(WALLET, label))).records
    assert (record["label"], record["entry_type"], record["address"]) == (label, kind, address)


@pytest.mark.parametrize("address", ["0x" + "0" * 40, "0x" + "0" * 38 + "1a", "0x" + "0" * 28 + "1fc24fe89230"])
def test_a_placeholder_wallet_is_dropped_and_counted(address: str) -> None:
    reading = read("graphsense_tagpacks", tagpack(tag(address, "example.com"), tag(WALLET, "example.com")))
    assert column(reading, "wallet") == [f"eth:{WALLET}"]
    assert (reading.read, reading.dropped) == (2, {"placeholder_wallet": 1})


def test_a_wallet_that_begins_with_some_zeros_is_kept() -> None:
    address = "0x" + "0" * 16 + "1a" * 12
    assert column(read("graphsense_tagpacks", tagpack(tag(address, "example.com"))), "wallet") == [f"eth:{address}"]


def test_an_address_without_quotes_stays_text() -> None:
    text = tagpack(f"- address: {WALLET}\n  currency: ETH\n  label: example.com\n")
    assert column(read("graphsense_tagpacks", text), "wallet") == [f"eth:{WALLET}"]


# Block lists


def test_a_hosts_file_gives_its_hosts_and_counts_its_comments() -> None:
    reading = read("hosts_file", "# A list\n# Domains: 2\n\n0.0.0.0 example.com\n0.0.0.0 www.example.com\n")
    assert column(reading, "domain") == ["example.com", "www.example.com"]
    assert reading.dropped == {"comment": 2, "blank": 1}


def test_a_hosts_file_that_is_cut_is_refused() -> None:
    with pytest.raises(UserError, match="says 2 domains and it has 1"):
        read("hosts_file", "# Domains: 2\n0.0.0.0 example.com\n")


def test_an_adguard_pattern_that_names_no_host_is_dropped_and_counted() -> None:
    reading = read(
        "adguard_list",
        "! A list\n||example.com^\n.com-id*.info^\n||example.*.pay.\n||example.net^$third-party\n",
    )
    assert column(reading, "domain") == ["example.com"]
    assert reading.dropped == {"comment": 1, "expression": 3}


# Guard lists


def misp(kind: str, *entries: str) -> str:
    return json.dumps({"name": "A list", "type": kind, "version": 1, "list": entries}, ensure_ascii=False)


def test_a_guarded_domain_loses_its_leading_dot() -> None:
    reading = read("misp_hostnames", misp("hostname", ".example.com", "example.org"))
    assert column(reading, "domain") == ["example.com", "example.org"]
    assert reading.mended == {"leading_dot": 1}


@pytest.mark.parametrize(
    ("published", "normal"),
    [
        (r"/((?:\+|00)44)?01632960([0-9]{3})/g", r"\+441632960([0-9]{3})"),
        (r"/((?:\+|00)61)?(02|03|07|08)(5550|7010)([0-9]{4})/g", r"\+61(2|3|7|8)(5550|7010)([0-9]{4})"),
        (r"/((?:\+|00)61)?1(3|8)009757(07|08)/g", r"\+611(3|8)009757(07|08)"),
        (r"/((?:\+|00)33?|0?)(19900|26191)([0-9]{4})/g", r"\+33(19900|26191)([0-9]{4})"),
        (r"/((?:\+|00)1)?([0-9]{3})55501([0-9]{2})/g", r"\+1([0-9]{3})55501([0-9]{2})"),
        (r"/((?:\+|00)1)?55501([0-9]{2})/g", None),
        ("example", None),
    ],
)
def test_a_pattern_of_reserved_numbers_is_given_for_normal_form(published: str, normal: str | None) -> None:
    assert e164_pattern(published) == normal


# What every reader does


@pytest.mark.parametrize("name", sorted(READERS))
@pytest.mark.parametrize(
    "text", ["", "\n \n", "something else altogether\n", "<html>not found</html>\n", '{"a": 1}', "[1, 2]"]
)
def test_a_file_of_another_layout_is_refused_by_name(name: str, text: str) -> None:
    with pytest.raises(UserError, match=r"^list\.txt: is not "):
        read(name, text)


@pytest.mark.parametrize("name", sorted(READERS))
def test_a_file_that_is_not_utf_8_is_refused(name: str) -> None:
    with pytest.raises(UserError, match="is not UTF-8 text"):
        read(name, b"\xff\xfe\x00")


def test_a_row_with_another_number_of_cells_is_written_for_quarantine_and_none_of_it_is_trusted() -> None:
    reading = read("npa_line_ids", LINE_HEADER + "1,invented_id\r\n2,other_id,2017/1/2\r\n")
    assert reading.broken == 1
    assert column(reading, "account_id") == [None, "other_id"]
    assert column(reading, "raw_row") == ["1,invented_id", None]


def test_a_rule_that_a_reader_does_not_declare_can_not_be_used() -> None:
    with pytest.raises(ValueError, match="does not declare the rule 'guess'"):
        Reading(Rules()).mend("guess")


@pytest.mark.parametrize(
    ("text", "date"),
    [("2017/1/2", "2017-01-02"), ("2022/12/31", "2022-12-31"), ("2017-01-02", "2017-01-02"), ("1/2", "1/2")],
)
def test_only_a_full_date_with_slashes_is_rewritten(text: str, date: str) -> None:
    assert iso_date(text) == date


def test_a_row_key_is_stable_and_tells_parts_apart() -> None:
    assert row_key("example.com") == "a379a6f6eeafb9a5"
    assert row_key("ab", "c") != row_key("a", "bc")
    assert row_key("Ａb ") == row_key("Ab")
