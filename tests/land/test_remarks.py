"""Facts inside the remarks of the sanctions list. All names and addresses are invented."""

import pytest

from jobs.land.remarks import parse_remarks


@pytest.mark.parametrize(
    ("remarks", "expected"),
    [
        ("Website www.example.com.", ("domain", "www.example.com")),
        ("Website http://www.example.com/.", ("url", "http://www.example.com/")),
        ("Website www.example.com/trade", ("url", "http://www.example.com/trade")),
        ("Website:  www.example.com", ("domain", "www.example.com")),
        ("Website www.example.org. A society with offices worldwide.", ("domain", "www.example.org")),
        ("http://www.example.com (website).", ("url", "http://www.example.com")),
        ("Email Address info@example.com.", ("email", "info@example.com")),
        ("alt. Email Address sales@example.com", ("email", "sales@example.com")),
        ("EMAIL info@example.com.", ("email", "info@example.com")),
        ("info@example.com (email).", ("email", "info@example.com")),
        (
            "Digital Currency Address - XBT 1InventedWaLLetAddressForTests",
            ("crypto_wallet", "btc:1InventedWaLLetAddressForTests"),
        ),
        (
            f"alt. Digital Currency Address - ETH 0x{'1a' * 20};",
            ("crypto_wallet", f"eth:0x{'1a' * 20}"),
        ),
    ],
)
def test_a_fact_is_read_from_its_sentence(remarks: str, expected: tuple[str, str]) -> None:
    assert parse_remarks(remarks).identifiers == (expected,)


def test_facts_come_in_their_order_and_once_each() -> None:
    remarks = (
        "SWIFT/BIC EXAMPLE1; Website www.example.com; alt. Website www.example.net;"
        " Email Address a@example.com;"
        " alt. Website www.example.com; a.k.a. 'EX'."
    )
    assert parse_remarks(remarks).identifiers == (
        ("domain", "www.example.com"),
        ("domain", "www.example.net"),
        ("email", "a@example.com"),
    )


def test_a_link_inside_another_sentence_is_no_site_of_the_party() -> None:
    remarks = "For more, please visit the following link: http://www.example.gov/programs.aspx; Tax ID No. 1."
    assert parse_remarks(remarks).identifiers == ()


def test_names_it_is_linked_to_are_kept_apart() -> None:
    remarks = "Registration ID 1; Linked To: EXAMPLE SHIPPING CO, LTD; Linked To: DOE, Jane; Linked To: DOE, Jane."
    assert parse_remarks(remarks).linked_to == ("EXAMPLE SHIPPING CO, LTD", "DOE, Jane")


def test_a_remark_without_facts_has_none() -> None:
    found = parse_remarks("All Offices Worldwide; Vessel Registration Identification IMO 0000000.")
    assert (found.identifiers, found.linked_to) == ((), ())
