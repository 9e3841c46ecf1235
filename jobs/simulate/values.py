"""Invented identifiers, valid by the rules of spec/identifiers.md, each given out once. Checked in the
tests by other people's libraries.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pyarrow as pa

from jobs.core.contracts import CodeList
from jobs.core.errors import UserError
from jobs.simulate import text
from jobs.simulate.streams import Ints, Pool, Streams
from jobs.simulate.text import DAY, Bytes

COUNTIES = (
    "110101", "110102", "110105", "110106", "120101", "120102", "120103", "120104", "140121", "140122",
    "140123",
    "150121", "150122", "150221", "150222", "210224", "210321", "210421", "210422", "230722", "310101",
    "310104",
    "310105", "310106", "330122", "330127", "340121", "340221", "340421", "340621", "350121", "360121",
    "430121",
    "430221", "430321", "510121", "510321", "510421", "510422", "520201", "520203", "530124", "540121",
    "540122",
    "540123", "540124", "610322", "610323", "610324", "610326", "620121", "620122", "620123", "630121",
    "640121",
    "640122", "640221", "650121",
)  # fmt: skip
"""County codes of GB/T 2260 that were in force in every year from 1965 to 2019."""

MOBILE = {
    "cmcc": "134 135 136 137 138 139 147 150 151 152 157 158 159 165 172 178 182 183 184 187 188 195 197 198",
    "cucc": "130 131 132 145 155 156 166 167 171 175 176 185 186 196",
    "ctcc": "133 153 162 173 177 180 181 189 190 191 193 199",
    "cbn": "192",
}
"""Mainland mobile ranges by the carrier that they were given to (a ported number keeps its own)."""

NETWORK = {"cmcc": "00", "cucc": "01", "ctcc": "11", "cbn": "15"}
"""Mobile network code behind MCC 460 (ITU-T E.212)."""

USCC_ALPHABET = "0123456789ABCDEFGHJKLMNPQRTUWXY"
_ID_WEIGHTS = np.array([7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2], dtype=np.int32)
_USCC_WEIGHTS = np.array([pow(3, i, 31) for i in range(17)], dtype=np.int32)
_BASE36 = "0123456789abcdefghijklmnopqrstuvwxyz"


class Vocabulary:
    """The closed lists that the world speaks in, taken from schemas/codes. Raises UserError when one is
    missing.
    """

    def __init__(self, codes: Mapping[str, CodeList]) -> None:
        for name in ("carriers", "institutions", "platforms", "regions"):
            if name not in codes:
                raise UserError(f"simulate: schemas/codes has no list '{name}', which the simulated world needs")
        self.carriers = [code for code in MOBILE if code in codes["carriers"].codes]
        institutions = codes["institutions"]
        self.payers = [code for code, about in institutions.codes.items() if about.get("kind") == "payment_institution"]
        self.banks = [code for code, about in institutions.codes.items() if about.get("kind") == "bank"]
        self.platforms = list(codes["platforms"].codes)
        self.folded = [bool(codes["platforms"].codes[name].get("case_insensitive")) for name in self.platforms]
        self.counties = [county for county in COUNTIES if county[:2] in codes["regions"].codes]
        self.bank_names: dict[str, list[str]] = {}
        for alias, code in institutions.aliases.items():
            self.bank_names.setdefault(code, []).append(alias)
        for name in ("carriers", "payers", "banks", "platforms", "counties"):
            if not getattr(self, name):
                raise UserError(f"simulate: schemas/codes gives no {name} that the simulated world can use")
        self.institutions = self.banks + self.payers


class Mint:
    """Gives out new values of every kind. One instance per world."""

    def __init__(self, streams: Streams, words: Vocabulary) -> None:
        self.words = words
        rng = streams.of("mint")
        self._ranges = [(p, i) for i, carrier in enumerate(words.carriers) for p in MOBILE[carrier].split()]
        self._phone = Pool(len(self._ranges) * 10**8, rng)
        self._adult = Pool(len(words.counties) * _days(1965, 2008) * 999, rng)
        self._child = Pool(len(words.counties) * _days(2009, 2018) * 999, rng)
        self._company = Pool(10**8, rng)
        self._passport = Pool(10**8, rng)
        self._sim = Pool(10**10, rng)
        self._device = Pool(200 * 10**6, rng)
        self._card = Pool(10**11, rng)
        self._account = Pool(10**11, rng)
        self._wallet = Pool(10**12, rng)
        self._login = Pool(36**7, rng)

    def phones(self, count: int) -> tuple[pa.Array, Ints]:
        """(11 digits, index of the carrier whose range it is)."""
        number = self._phone.take(count)
        row, rest = np.divmod(number, 10**8)
        heads = np.array([int(p) for p, _ in self._ranges], dtype=np.int64)
        owners = np.array([i for _, i in self._ranges], dtype=np.int64)
        matrix = np.hstack([text.digits(heads[row], 3), text.digits(rest, 8)])
        return text.to_array(text.ascii_digits(matrix)), owners[row]

    def adults(self, count: int) -> pa.Array:
        """National ids of people born 1965 to 2007."""
        return self._national(self._adult.take(count), 1965, 2008)

    def children(self, count: int) -> pa.Array:
        """National ids of people born 2009 to 2017."""
        return self._national(self._child.take(count), 2009, 2018)

    def _national(self, number: Ints, first: int, end: int) -> pa.Array:
        county, rest = np.divmod(number, _days(first, end) * 999)
        day, order = np.divmod(rest, 999)
        places = np.array([int(c) for c in self.words.counties], dtype=np.int64)
        birth = (np.datetime64(f"{first}-01-01") - np.datetime64("1970-01-01")).astype(int) + day
        written = text.day_bytes(birth * DAY)[:, [0, 1, 2, 3, 5, 6, 8, 9]] - ord("0")
        matrix = np.hstack([text.digits(places[county], 6), written, text.digits(order + 1, 3)])
        check = (12 - (matrix.astype(np.int32) * _ID_WEIGHTS).sum(axis=1) % 11) % 11
        last = np.frombuffer(b"0123456789X", dtype=np.uint8)[check][:, None]
        return text.to_array(np.hstack([text.ascii_digits(matrix), last]))

    def companies(self, count: int) -> pa.Array:
        """Unified social credit codes: `91` (company), a county, an organisation code with its own check,
        the check character.
        """
        number = self._company.take(count)
        places = np.array([int(c) for c in self.words.counties], dtype=np.int64)
        organisation = text.digits(number, 8).astype(np.int32)
        own = (11 - (organisation * np.array([3, 7, 9, 10, 5, 8, 4, 2])).sum(axis=1) % 11) % 11
        letter = np.where(own == 10, USCC_ALPHABET.index("X"), own)
        head = np.hstack(
            [
                np.full((count, 1), 9),
                np.full((count, 1), 1),
                text.digits(places[number % len(places)], 6),
                organisation,
            ]
        )
        body = np.hstack([head, letter[:, None]]).astype(np.int32)
        check = (31 - (body * _USCC_WEIGHTS).sum(axis=1) % 31) % 31
        table = np.frombuffer(USCC_ALPHABET.encode(), dtype=np.uint8)
        return text.to_array(table[np.hstack([body, check[:, None]])])

    def passports(self, count: int) -> pa.Array:
        """`KOR:M12345678`: issuing country and number."""
        number = self._passport.take(count)
        country = text.pick(["KOR", "VNM", "THA", "MMR", "LAO", "SGP"], number % 6)
        return text.join(country, ":M", text.to_array(text.ascii_digits(text.digits(number, 8))))

    def sims(self, carrier: Ints) -> tuple[pa.Array, pa.Array]:
        """(imsi, iccid) of new SIMs: one in ten iccids has 20 digits, one in a hundred the letter of an old
        card.
        """
        count = len(carrier)
        number = self._sim.take(count)
        network = np.array([int(NETWORK[code]) for code in self.words.carriers], dtype=np.int64)[carrier]
        imsi = np.hstack([text.digits(np.full(count, 460), 3), text.digits(network, 2), text.digits(number, 10)])
        serial = np.hstack(
            [
                text.digits(np.full(count, 8986), 4),
                text.digits(network, 2),
                text.digits(number * 97 % 10**12, 12),
            ]
        )
        plain = text.to_array(text.ascii_digits(text.with_luhn(serial)))
        longer = text.to_array(text.ascii_digits(np.hstack([serial, text.digits(number % 100, 2)])))
        lettered = text.ascii_digits(text.with_luhn(serial))
        lettered[:, 7] = np.uint8(ord("A")) + (number % 6).astype(np.uint8)
        iccid = text.where(number % 10 == 3, longer, plain)
        return text.to_array(text.ascii_digits(imsi)), text.where(number % 100 == 7, text.to_array(lettered), iccid)

    def devices(self, count: int) -> pa.Array:
        """IMEIs of 15 digits with their check digit."""
        number = self._device.take(count)
        model, serial = np.divmod(number, 10**6)
        return text.to_array(
            text.ascii_digits(
                text.with_luhn(np.hstack([text.digits(86_000_000 + model * 37, 8), text.digits(serial, 6)]))
            )
        )

    def bank_cards(self, bank: Ints) -> pa.Array:
        """19 digits starting 62, a bank's own range behind that, Luhn."""
        number = self._card.take(len(bank))
        return text.to_array(
            text.ascii_digits(text.with_luhn(np.hstack([text.digits(621_000 + bank * 13, 6), text.digits(number, 12)])))
        )

    def bank_accounts(self, count: int) -> pa.Array:
        """16 digits that no card begins with."""
        number = self._account.take(count)
        return text.to_array(text.ascii_digits(np.hstack([text.digits(number % 4 + 1, 1), text.digits(number, 15)])))

    def payment_accounts(self, count: int) -> pa.Array:
        """`2088` and 12 digits."""
        number = self._wallet.take(count)
        return text.to_array(
            text.ascii_digits(np.hstack([text.digits(np.full(count, 2088), 4), text.digits(number, 12)]))
        )

    def logins(self, count: int) -> pa.Array:
        """Account ids of platforms: lower-case letters and digits."""
        number = self._login.take(count)
        return text.join("u", text.to_array(text.letters(number, 7, _BASE36)))


def mobile_addresses(index: Ints) -> pa.Array:
    """An address of the carriers' shared space 100.64.0.0/10 (RFC 6598), or of 2001:db8::/32 (RFC 3849) for
    one in five.
    """
    inside = index % (1 << 22)
    four = _dotted(np.full(len(index), 100), 64 + (inside >> 16), (inside >> 8) & 255, inside & 255)
    group = [text.to_array(text.letters((index >> shift) & 0xFFF, 3, "0123456789abcdef")) for shift in (0, 12)]
    # a leading digit 1 keeps each group free of leading zeros, so that the text is canonical (RFC 5952)
    six = text.join("2001:db8:1", group[1], ":1", group[0], "::1")
    return text.where(index % 5 == 4, six, four)


def shop_addresses(index: Ints) -> pa.Array:
    """An address of 198.18.0.0/15 (RFC 2544): shops' Wi-Fi and hosting."""
    return _dotted(np.full(len(index), 198), 18 + (index >> 16) % 2, (index >> 8) & 255, index & 255)


def _dotted(*parts: Ints) -> pa.Array:
    names = [str(i) for i in range(256)]
    a, b, c, d = (text.pick(names, part) for part in parts)
    return text.join(a, ".", b, ".", c, ".", d)


def _days(first: int, end: int) -> int:
    return int((np.datetime64(f"{end}-01-01") - np.datetime64(f"{first}-01-01")).astype(int))


def bytes_of(array: pa.Array) -> Bytes:
    """The bytes of a string array whose values have one width, as a matrix."""
    flat = np.frombuffer(array.buffers()[2], dtype=np.uint8)
    offsets = np.frombuffer(array.buffers()[1], dtype=np.int32)[array.offset : array.offset + len(array) + 1]
    return flat[offsets[0] : offsets[-1]].reshape(len(array), -1)
