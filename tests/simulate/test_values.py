"""Invented values pass the checks of other people's libraries, and no value is given out twice."""

import ipaddress

import numpy as np
import phonenumbers
import pytest
from stdnum import imei, luhn
from stdnum.cn import ric, uscc

from jobs.core.contracts import CodeList
from jobs.simulate.bulk import addresses
from jobs.simulate.population import SHOPS
from jobs.simulate.streams import Pool, Streams
from jobs.simulate.values import Mint, Vocabulary

N = 3000


@pytest.fixture(scope="module")
def mint(codes: dict[str, CodeList]) -> Mint:
    return Mint(Streams(9), Vocabulary(codes))


def test_national_ids_are_valid_for_grown_ups_and_children(mint: Mint) -> None:
    adults, children = mint.adults(N).to_pylist(), mint.children(N).to_pylist()
    assert [value for value in adults + children if not ric.is_valid(value)] == []
    assert {value[6:8] for value in children} == {"20"}
    assert len(set(adults + children)) == 2 * N


def test_companies_have_valid_social_credit_codes(mint: Mint) -> None:
    made = mint.companies(N).to_pylist()
    assert [value for value in made if not uscc.is_valid(value)] == []
    assert len(set(made)) == N


def test_phones_are_valid_mainland_mobiles_of_every_range(mint: Mint) -> None:
    made = mint.phones(N)[0].to_pylist()
    numbers = [phonenumbers.parse(f"+86{value}") for value in made]
    mobile = phonenumbers.PhoneNumberType.MOBILE
    assert [n for n in numbers if not phonenumbers.is_valid_number(n)] == []
    assert {phonenumbers.number_type(n) for n in numbers} == {mobile}
    assert len({value[:3] for value in made}) > 40


def test_cards_and_devices_and_sims_carry_their_check_digits(mint: Mint) -> None:
    cards = mint.bank_cards(np.arange(N) % 20).to_pylist()
    assert all(len(card) == 19 and card.startswith("62") and luhn.is_valid(card) for card in cards)
    assert all(imei.is_valid(value) for value in mint.devices(N).to_pylist())
    imsi, iccid = (array.to_pylist() for array in mint.sims(np.arange(N) % 3))
    assert all(len(value) == 15 and value.startswith("460") for value in imsi)
    plain = [value for value in iccid if len(value) == 19 and value.isdigit()]
    assert len(plain) > 0.8 * N
    assert all(value.startswith("89") and luhn.is_valid(value) for value in plain)
    assert {len(value) for value in iccid} == {19, 20}
    assert any(not value.isdigit() for value in iccid)


def test_no_bank_account_could_be_taken_for_a_card_that_starts_62(mint: Mint) -> None:
    assert not [value for value in mint.bank_accounts(N).to_pylist() if value.startswith("62")]


def test_addresses_are_canonical_and_belong_to_nobody() -> None:
    index = np.concatenate([np.arange(0, 5_000_000, 1771), SHOPS + np.arange(500), [-1]])
    made = addresses(index).to_pylist()
    assert made[-1] is None
    nets = [ipaddress.ip_network(text) for text in ("100.64.0.0/10", "198.18.0.0/15", "2001:db8::/32")]
    for text in made[:-1]:
        address = ipaddress.ip_address(text)
        assert str(address) == text
        assert any(address in net for net in nets if net.version == address.version)


def test_a_pool_gives_each_number_once_and_says_when_it_is_empty() -> None:
    pool = Pool(1000, Streams(1).of("x"))
    given = np.concatenate([pool.take(400), pool.take(600)])
    assert sorted(given.tolist()) == list(range(1000))
    with pytest.raises(ValueError, match="only 1000"):
        pool.take(1)


def test_a_hash_per_row_does_not_depend_on_the_other_rows() -> None:
    streams = Streams(4)
    whole = streams.uniform("a", np.arange(1000))
    assert np.array_equal(whole[100:200], streams.uniform("a", np.arange(100, 200)))
    assert abs(whole.mean() - 0.5) < 0.05
    assert not np.array_equal(whole, streams.uniform("b", np.arange(1000)))
