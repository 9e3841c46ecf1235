"""Values to normalise: valid, invalid, dirty and hostile ones of every type. All are invented."""

from __future__ import annotations

from hypothesis import strategies as st

from jobs.identifiers import checks
from jobs.identifiers.rare import TYPES

Identifier = tuple[str | None, str | None, str | None]
"""Type, raw text, scope."""


def digits(low: int, high: int | None = None) -> st.SearchStrategy[str]:
    return st.text("0123456789", min_size=low, max_size=low if high is None else high)


def _id_18(first_17: str) -> str:
    return first_17 + checks.national_id_check(first_17)


PROVINCES = st.sampled_from(["11", "31", "44", "65", "71", "82", "83", "91", "00", "17"])
YEARS = st.sampled_from(["0000", "0001", "1899", "1900", "1985", "1996", "2000", "2024", "2026", "2027"])
MONTH_DAYS = st.sampled_from(["0101", "0228", "0229", "0230", "0431", "1001", "1002", "1231", "1301", "0100", "0000"])
NATIONAL_IDS = st.one_of(
    st.builds(lambda *parts: _id_18("".join(parts)), PROVINCES, digits(4), YEARS, MONTH_DAYS, digits(3)),
    st.builds(
        lambda *parts: "".join(parts),
        PROVINCES,
        digits(4),
        YEARS,
        MONTH_DAYS,
        digits(3),
        st.sampled_from("0123456789xX"),
    ),
    st.builds(lambda *parts: "".join(parts), PROVINCES, digits(4), digits(2), MONTH_DAYS, digits(3)),
)
USCC_17 = st.text(checks.USCC_ALPHABET, min_size=17, max_size=17)
USCCS = st.one_of(
    USCC_17.map(lambda s: s + checks.uscc_check(s)),
    st.text(checks.USCC_ALPHABET + "IOSVZ", min_size=18, max_size=18),
)
DOCUMENTS = st.builds(
    lambda country, colon, number: country + colon + number,
    st.sampled_from(["CHN", "chn", "GBR", "USA", "XXX", "ZZ", "", "HKG"]),
    st.sampled_from([":", ":", ":", "", "::", "："]),
    st.text("0123456789ABCxyz()-/. ", min_size=0, max_size=22),
)
AREAS = st.sampled_from(["10", "21", "755", "851", "310", "20", "433", "86", "99"])
NATIONAL = st.one_of(
    st.builds(
        lambda head, rest: head + rest,
        st.sampled_from(["138", "199", "170", "1740", "149", "166", "120"]),
        digits(7, 8),
    ),
    st.builds(lambda area, rest: area + rest, AREAS, digits(5, 8)),
    st.sampled_from(
        [
            "110",
            "119",
            "12345",
            "96110",
            "95588",
            "10086",
            "1008611",
            "11185",
            "116114",
            "10105555",
            "12",
            "0",
            "86",
            "",
        ]
    ),
    st.builds(
        lambda head, rest: head + rest,
        st.sampled_from(["400", "800", "106", "1069", "95", "96"]),
        digits(3, 9),
    ),
)
GROUPED = st.sampled_from(["", "", " ", "-", "–", "－", "﹘", "．", "/"])
FOREIGN_PHONES = st.sampled_from(
    [
        "+442079460018",
        "0044 20 7946 0018",
        "+1 202-555-0143",
        "0012025550143",
        "+85225550123",
        "+886 2 2555 0123",
        "+390612345678",
        "+999123456789",
        "+44 (0)20 7946 0018",
        "+0",
        "00",
        "+" + "1" * 30,
        "+8",
        "+1",
        "001 138 1234 5678",
        "+65 6555 0123",
    ]
)


def _spell_phone(prefix: str, trunk: str, national: str, gap: str) -> str:
    return prefix + gap + trunk + gap.join([national[:3], national[3:7], national[7:]])


PHONES = st.one_of(
    st.builds(
        _spell_phone,
        st.sampled_from(["", "", "+86", "86", "0086", "(+86)", "＋８６", "+", "+86+86", "8686"]),
        st.sampled_from(["", "", "0", "00"]),
        NATIONAL,
        GROUPED,
    ),
    FOREIGN_PHONES,
)
ICCIDS = st.one_of(
    digits(16).map(lambda s: "89" + s + checks.luhn_digit("89" + s)),
    digits(15, 20).map(lambda s: "89" + s),
    st.text("0123456789ABFabf", min_size=15, max_size=19).map(lambda s: "89" + s),
)
IMEIS = st.one_of(digits(14).map(lambda s: s + checks.luhn_digit(s)), digits(14).map(lambda s: s + "0"), digits(13, 17))
CARDS = st.one_of(
    st.builds(
        lambda head, rest: head + rest + checks.luhn_digit(head + rest),
        st.sampled_from(["62", "4", "5", "0"]),
        digits(9, 17),
    ),
    digits(10, 21),
)
ACCOUNTS = st.one_of(
    CARDS,
    CARDS.map(lambda s: " ".join([s[:4], s[4:8], s[8:]])),
    CARDS.map(lambda s: "-".join([s[:4], s[4:]])),
    st.text("0123456789abcXYZ@._+- /:中", min_size=1, max_size=36),
)
WALLETS = st.builds(
    lambda chain, address: chain + address,
    st.sampled_from(["eth:", "ETH:", "btc:", "tron:", "ltc:", "sol:", "xrp:", "doge:", "", "nosuch:", "erc20:", "："]),
    st.sampled_from(
        [
            "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed",
            "0x5aaeb6053f3e94c9b9a09f33669435e7ef1beaed",
            "0x" + "0" * 40,
            "0X5AAEB6053F3E94C9B9A09F33669435E7EF1BEAED",
            "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1Beaed",
            "0x12",
            "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4",
            "BC1QW508D6QEJXTDG4Y5R3ZARVARY0C5XW7KV8F3T4",
            "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t5",
            "1" * 32,
            "T" * 34,
        ]
    ),
)
LABELS = st.one_of(
    st.text("abcXYZ019-", min_size=1, max_size=8),
    st.sampled_from(
        [
            "www",
            "例え",
            "bücher",
            "faß",
            "xn--fiqs8s",
            "xn--",
            "xn--zzz",
            "com",
            "cn",
            "co.uk",
            "github.io",
            "_x",
            "a" * 63,
            "a" * 64,
            "中国",
            "ｅｘ",
            "1",
            "٣",
            "ab--cd",
            "İ",
            "-a",
            "点",
            "e\u0301",
            "ﬁ",
        ]
    ),
)
HOSTS = st.one_of(
    st.lists(LABELS, min_size=1, max_size=4).map(".".join),
    st.lists(LABELS, min_size=2, max_size=3).map(lambda labels: ".".join(labels) + "."),
    st.lists(LABELS, min_size=2, max_size=3).map("。".join),
    st.lists(LABELS, min_size=1, max_size=3).map(lambda labels: ".".join([*labels, "com"])),
)
IPS = st.one_of(
    st.sampled_from(
        [
            "192.0.2.1",
            "192.0.02.1",
            "256.1.1.1",
            "1.2.3",
            "2001:DB8::1",
            "2001:db8:0:0:1:0:0:1",
            "::",
            "::1",
            "::ffff:192.0.2.1",
            "fe80::1%eth0",
            "[::1]",
            "1::2::3",
            "2001:db8::/32",
            "0.0.0.0",
            "１９２.０.２.１",
            "1.2.3.4.5",
            "::192.0.2.1",
        ]
    ),
    st.ip_addresses().map(str),
    st.ip_addresses(v=6).map(lambda a: a.exploded.upper()),
)
EMAILS = st.builds(
    lambda local, at, host: local + at + host,
    st.one_of(
        st.text('abcXYZ.+_-!@" é', min_size=0, max_size=10),
        st.sampled_from(["a" * 64, "a" * 65, '"a b"', '"a\\"b"']),
    ),
    st.sampled_from(["@", "@", "@", "", "＠"]),
    HOSTS,
)
URLS = st.builds(
    lambda *parts: "".join(parts),
    st.sampled_from(
        [
            "http://",
            "HTTPS://",
            "https://",
            "ftp://",
            "ws://",
            "",
            "//",
            "javascript:",
            "ssh://",
            "ｈｔｔｐ://",
            "http:/",
            "http:\\\\",
        ]
    ),
    st.sampled_from(["", "", "", "user@", "u:p%41@", "@", "u@v@"]),
    st.one_of(
        HOSTS,
        IPS,
        st.sampled_from(["[::1]", "[2001:DB8::1]", "[x]", "", "localhost", "3232235777", "example.com"]),
    ),
    st.sampled_from(["", "", "", ":80", ":443", ":8080", ":", ":0", ":65536", ":0080", ":x", ":99999999999"]),
    st.sampled_from(["", "/", "/A/b", "/%41", "/%zz", "/路", "/a b", "//x", "/a@b:c", "\\x", "/xn--"]),
    st.sampled_from(["", "?", "?a=B&c", "?u=http://x@y/[", "?a|b", "?é"]),
    st.sampled_from(["", "#", "#f/@?#", "#é\u200b"]),
)
ACCOUNT_IDS = st.one_of(
    st.text("abcXYZ019 _-:@", min_size=1, max_size=12),
    st.sampled_from(["张三", "İstanbul", "ﾊﾞ", "か\u3099", "ΑΣ", "e\u0301", "①②", "ﷺ", "A\u200bB"]),
)

PLAIN: dict[str, st.SearchStrategy[str]] = {
    "national_id": NATIONAL_IDS,
    "uscc": USCCS,
    "passport": DOCUMENTS,
    "other_document": DOCUMENTS,
    "phone": PHONES,
    "imsi": digits(14, 16).map(lambda s: "4" + s[1:]),
    "iccid": ICCIDS,
    "imei": IMEIS,
    "bank_card": ACCOUNTS,
    "bank_account": ACCOUNTS,
    "payment_account": ACCOUNTS,
    "internet_account": ACCOUNT_IDS,
    "email": EMAILS,
    "domain": HOSTS,
    "url": URLS,
    "ip": IPS,
    "crypto_wallet": WALLETS,
}
SCOPES = st.sampled_from(
    [
        None,
        "",
        "icbc",
        "ICBC",
        "工行",
        " boc ",
        "ａｌｉｐａｙ",
        "nosuch",
        "wechat",
        "weibo",
        "微信",
        "Telegram",
        "eth",
        "Bitcoin",
        "中国\u200b银行",
    ]
)
RIGHT_SCOPE = {
    "bank_card": st.sampled_from([None, "icbc", "工行"]),
    "bank_account": st.sampled_from(["icbc", "工行"]),
    "payment_account": st.just("alipay"),
    "internet_account": st.sampled_from(["wechat", "weibo", "微信"]),
    "crypto_wallet": st.none(),
}
_JUNK = st.sampled_from(
    [
        " ",
        "\t",
        "\n",
        "\0",
        "\u200b",
        "\ufeff",
        "\u200f",
        "\u202e",
        "\u00ad",
        "\u3000",
        "\u00a0",
        "é",
        "中",
        "②",
        "⑩",
        "⒈",
        "½",
        "\u0301",
        "🄐",
        "𝟏",
        "Ⅷ",
        "K",
        "ſ",
        "ı",
        "ß",
        "٣",
        "x",
        "0",
        "-",
        "'",
        '"',
        "\\",
        "😀",
        "\U000e0001",
        "ﬀ",
        "\ufe0f",
        "﷼",
        "0x",
    ]
)


def widen(text: str) -> str:
    """ASCII as full-width characters."""
    return "".join(chr(ord(c) + 0xFEE0) if "!" <= c <= "~" else "\u3000" if c == " " else c for c in text)


@st.composite
def dirty(draw: st.DrawFn, plain: st.SearchStrategy[str]) -> str:
    """A plain value that went through people's hands."""
    value = draw(plain)
    for _ in range(draw(st.integers(0, 2))):
        at = draw(st.integers(0, len(value)))
        how = draw(st.sampled_from(["insert", "insert", "replace", "widen", "upper", "lower", "pad"]))
        if how == "widen":
            value = widen(value)
        elif how == "pad":
            value = draw(_JUNK) + value + draw(_JUNK)
        elif how in ("upper", "lower"):
            value = getattr(value, how)()
        else:
            value = value[:at] + draw(_JUNK) + value[at + (how == "replace") :]
    return value


@st.composite
def identifiers(draw: st.DrawFn) -> Identifier:
    """One identifier as a feed might give it."""
    type_ = draw(st.sampled_from([*TYPES, *TYPES, "nosuch", None]))
    kind = type_ if type_ in PLAIN else "phone"
    raw = draw(st.one_of(dirty(PLAIN[kind]), dirty(PLAIN[kind]), PLAIN[kind], st.text(max_size=25), st.none()))
    scope = draw(st.one_of(RIGHT_SCOPE.get(kind, SCOPES), SCOPES))
    return type_, None if raw is None else raw.encode("utf-8", "ignore").decode("utf-8"), scope
