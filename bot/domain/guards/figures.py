"""The figures in a text: what is written like a price, a date, a time, a number to call."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice
from typing import Literal

from bot.domain.guards.numerals import THOUSAND, readings
from bot.domain.guards.vocabulary import MONTH_OF

Kind = Literal["url", "email", "phone", "date", "time", "code", "price", "percent", "number"]
Day = tuple[int | None, int, int]
"""Year (None: not said), month, day."""


@dataclass(frozen=True, slots=True)
class Figure:
    """One figure, in all the ways in which it may be read."""

    kind: Kind
    said: str = field(repr=False)
    values: frozenset[int] = frozenset()
    """Of numbers: thousandths; of times: minutes of the day."""
    days: frozenset[Day] = frozenset()
    has_unit: bool = False
    """Of numbers: with a measure behind it, such as kg."""


_LIMIT = 5_000
"""So many figures of one kind are looked at in one text."""

_EMAIL = re.compile(r"(?<![\w.+@-])[\w.+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63}){1,4}")
_DOMAINS = (
    "com|net|org|info|biz|shop|store|app|io|dev|me|eu|es|pt|br|mx|ar|cl|co|pe|uk|us|ie|de|fr|it|nl"
)
_URL = re.compile(
    r"(?<![\w@.-])(?:(?:https?://|www\.)[^\s<>\"`|]{1,600}"
    rf"|(?:[a-z0-9-]{{2,40}}\.){{1,3}}(?:{_DOMAINS})(?![\w.-]*[\w@])(?:/[^\s<>\"`|]{{0,600}})?)",
    re.IGNORECASE,
)
_TRAILING = ".,;:!?)]}*_~'\"»”’"

_MONTHS = "|".join(sorted(MONTH_OF, key=len, reverse=True))
_RUN = re.compile(r"\d+")
# Each of these is tried where a run of digits begins.
_ISO = re.compile(r"(?P<y>\d{4})-(?P<m>\d{1,2})-(?P<d>\d{1,2})(?!\d)")
_NUMERIC = re.compile(
    r"(?<![\w/.-])(?P<a>\d{1,2})(?:(?P<sep>[/.-])(?P<b>\d{1,2})(?P=sep)(?P<y>\d{4}|\d{2})"
    r"|/(?P<c>\d{1,2}))(?![/-]?\d)"
)
_NAMED = re.compile(
    rf"(?P<d>\d{{1,2}})(?:st|nd|rd|th|º|\.)?\s(?:de\s|of\s)?(?P<m>{_MONTHS})\b"
    r"(?:,?\s(?:de\s|of\s|del\s)?(?P<y>\d{4}))?",
    re.IGNORECASE,
)
_MONTH_BEFORE = re.compile(r"([^\W\d_]{3,10})\s\Z")
_MONTH_FIRST = re.compile(
    r"(?P<d>\d{1,2})(?:st|nd|rd|th)?(?![\d:]|[.,]\d)(?:,?\s(?P<y>\d{4}))?", re.IGNORECASE
)
_FRACTIONS = frozenset({"1/2", "1/3", "2/3", "1/4", "3/4", "1/8", "24/7"})

_HALF_DAY = r"(?P<half{}>[ap]\.?m\b\.?)"
_TIME = re.compile(
    r"(?<![\w.,:])(?:"
    rf"(?P<h1>\d{{1,2}})[:h](?P<m1>\d{{2}})(?![\d:])(?:\s?{_HALF_DAY.format(1)})?"
    rf"|(?P<h2>\d{{1,2}})(?:\.(?P<m2>\d{{2}}))?\s?{_HALF_DAY.format(2)}"
    r"|(?P<h3>\d{1,2})\.(?P<m3>\d{2})\s?(?:h\b|hrs?\b|horas\b|uhr\b))",
    re.IGNORECASE,
)

_PHONE = re.compile(r"(?<![\w.,#-])\+?\(?\d[\d \u00a0().\-/–]{5,28}\d(?![\w%€$])")
_NO_PHONE = re.compile(
    r"\d{4}\s?[-–/]\s?\d{4}|\d{1,3}(?:\.\d{3})+|[\d.,]+[.,]\d\d\s?[-–/]\s?[\d.,]+[.,]\d\d"
)
PHONE_DIGITS = 7
_PHONE_DIGITS_MAX = 15
NOT_DIGITS = re.compile(r"\D+")

_CODE = re.compile(r"[A-Za-z0-9]{1,30}(?:-[A-Za-z0-9]{1,30}){0,5}(?![\w-])")
_CODE_BEFORE = re.compile(r"[A-Za-z0-9-]{1,24}\Z")
_NAMED_BEFORE = re.compile(
    r"(?<!\w)(?:order|pedido|encomenda|ticket|invoice|factura|fatura|tracking|reference|referencia"
    r"|referência)[ :.#nºo°-]{1,6}\Z",
    re.IGNORECASE,
)
_LONGEST_BEFORE = 24
_CODE_DIGITS = 4

_MONEY_BEFORE = re.compile(r"(?:R\$|US\$|[€$£]|(?<!\w)(?:EUR|USD|GBP|BRL|MXN))\s?\Z", re.IGNORECASE)
_NUMBER = re.compile(
    r"(?P<number>"
    r"\d{1,3}(?:[.,]\d{3}){1,4}(?:[.,]\d{1,2})?(?!\d)"
    r"|\d{1,3}(?:[ \u00a0\u202f'’]\d{3}){1,3}(?:[.,]\d{1,2})?(?![\d])"
    r"|\d{1,15}(?:[.,]\d{1,3})?)"
    r"(?P<after>\s?(?:%|(?:€|R\$|\$|£|(?:euros?|eur|usd|d[oó]lar(?:es)?|dollars?|reais|brl|pesos?|mxn"
    r"|gbp|pounds?(?!\sof)|libras?)\b)(?:\s?(?P<rest>\d\d)\b)?"
    r"|(?P<cents>cents?|c[eé]ntimos?|c[eê]ntimos?|centavos?)\b"
    r"|(?P<unit>(?:k?g|gr|mg|[cmd]?l|lt|[ckm]?m[²2]?|h|hrs?|min|se[cg]|x|[gmt]b|k?w|v|lbs?|oz|pcs|uds?|un"
    r"|gram[oa]?s?|[kq]uil?os?|litr[oe]s?|minut[oe]s?|hours?|horas?|days?|d[ií]as?|people|personas"
    r"|pessoas|calor[ií]as|kcal)\b|°)))?",
    re.IGNORECASE,
)
_CENTS = re.compile(r".*[.,]\d\d")
_MARKS = {"*": "", "~": "", "`": "", "_": " "}


def links(text: str) -> tuple[list[Figure], str]:
    """Addresses of pages and of e-mail, and the text without them."""
    found: list[Figure] = []
    if "@" in text:
        text = _cut(_EMAIL, text, found, "email")
    if "." in text:
        text = _cut(_URL, text, found, "url")
    return found, text


def _cut(pattern: re.Pattern[str], text: str, found: list[Figure], kind: Kind) -> str:
    """The text with blanks where an address was."""
    parts, end = [], 0
    for match in islice(pattern.finditer(text), _LIMIT):
        found.append(Figure(kind, match[0].rstrip(_TRAILING)))
        parts += [text[end : match.start()], " ; "]
        end = match.end()
    return "".join((*parts, text[end:])) if parts else text


def figures(text: str) -> list[Figure]:
    """All figures of a text: addresses first, then in order."""
    found, text = links(text)
    return found + numbers(text)


def numbers(text: str) -> list[Figure]:
    """The same without addresses, whose digits are read as any other."""
    found: list[Figure] = []
    if not _RUN.search(text):
        return found
    text = _unmarked(text)
    end = 0
    for run in _RUN.finditer(text):
        if run.start() < end:
            continue
        figure, end = _read(text, run.start())
        if figure is not None:
            found.append(figure)
            if len(found) >= _LIMIT:
                break
    return found


def phones(text: str) -> Iterator[str]:
    """The digits of all that may be telephone numbers, in every way they may be parted."""
    for match in _PHONE.finditer(_unmarked(text)):
        groups = [group for group in NOT_DIGITS.split(match[0]) if group]
        for first in range(len(groups)):
            digits = "".join(groups[first:])
            if PHONE_DIGITS <= len(digits) <= _PHONE_DIGITS_MAX:
                yield digits


def _unmarked(text: str) -> str:
    """Without formatting marks."""
    for mark, instead in _MARKS.items():
        text = text.replace(mark, instead)
    return text


def _read(text: str, at: int) -> tuple[Figure | None, int]:
    """The figure whose digits begin there, and where it ends."""
    for read in (_date, _time, _phone, _code):
        found = read(text, at)
        if found is not None:
            return found
    return _number(text, at)


_Found = tuple[Figure | None, int] | None


def _date(text: str, at: int) -> _Found:
    match = _ISO.match(text, at) or _NUMERIC.match(text, at) or _NAMED.match(text, at)
    name = ""
    if match is None:
        before = _MONTH_BEFORE.search(text, max(0, at - 12), at)
        match = None if before is None else _MONTH_FIRST.match(text, at)
        name = "" if before is None else before[1]
    if match is None or match[0] in _FRACTIONS:
        return None
    days = _days(match, name)
    said = f"{name} {match[0]}".strip()
    return (Figure("date", said, days=days), match.end()) if days else None


def _days(match: re.Match[str], name: str) -> frozenset[Day]:
    part = match.groupdict()
    year = _year(part["y"])
    if "a" in part:
        a, b = int(part["a"]), int(part["b"] or part["c"])
        days = {(year, b, a), (year, a, b)}
    else:
        name = part.get("m", name)
        if name == "may" and part.get("m") is None:  # the verb
            return frozenset()
        month = int(name) if name.isdecimal() else MONTH_OF.get(name.lower(), 0)
        days = {(year, month, int(part["d"]))}
    return frozenset(day for day in days if 1 <= day[1] <= 12 and 1 <= day[2] <= 31)


def _year(written: str | None) -> int | None:
    if not written:
        return None
    return int(written) if len(written) == 4 else 2000 + int(written)


def _time(text: str, at: int) -> _Found:
    match = _TIME.match(text, at)
    if match is None:
        return None
    part = match.groupdict()
    hour = int(part["h1"] or part["h2"] or part["h3"])
    minute = int(part["m1"] or part["m2"] or part["m3"] or 0)
    if hour > 24 or minute > 59:
        return None
    half = part["half1"] or part["half2"]
    if half is not None:
        hour = hour % 12 + (12 if half[0] in "pP" else 0)
    minutes = frozenset({(hour * 60 + minute) % 1440})
    return Figure("time", match[0].strip(), minutes), match.end()


def _phone(text: str, at: int) -> _Found:
    while at > 0 and text[at - 1] in "+(":
        at -= 1
    match = _PHONE.match(text, at)
    if match is None or _MONEY_BEFORE.search(text, max(0, at - 5), at):
        return None
    said = match[0]
    if len(NOT_DIGITS.sub("", said)) < PHONE_DIGITS or _NO_PHONE.fullmatch(said):
        return None
    # A bracket that is not closed begins something else: `12 (28013`.
    return None if "(" in said and ")" not in said else (Figure("phone", said), match.end())


def _code(text: str, at: int) -> _Found:
    before = text[at - 1 : at]
    start = at
    if before.isalpha() or before == "-":
        token = _CODE_BEFORE.search(text, max(0, at - _LONGEST_BEFORE), at)
        start = at if token is None else token.start()
    match = _CODE.match(text, start)
    if match is None:
        return None
    digits = sum(sign.isdigit() for sign in match[0])
    is_mixed = digits >= _CODE_DIGITS and any(sign.isalpha() for sign in match[0])
    if is_mixed and not match[0].isdigit() and not _MEASURE.fullmatch(match[0]):
        return Figure("code", match[0]), match.end()
    is_named = digits >= 3 and _is_named(text, start)
    return (Figure("code", match[0]), match.end()) if is_named else None


_MEASURE = re.compile(r"\d+(?:k?g|mg|[cm]?l|[ckm]?m|kcal|mah|w|v|x\d+|eur|usd)", re.IGNORECASE)


def _is_named(text: str, at: int) -> bool:
    """Whether it is said there that it is the number of something."""
    if text[:at].rstrip().endswith("#"):
        return True
    return _NAMED_BEFORE.search(text, max(0, at - _LONGEST_BEFORE), at) is not None


def _number(text: str, at: int) -> tuple[Figure | None, int]:
    match = _NUMBER.match(text, at)
    if match is None:
        return None, at + 1
    before = _MONEY_BEFORE.search(text, max(0, at - 5), at)
    return _amount(match, said=(before[0] if before else "") + match[0]), match.end()


def _amount(match: re.Match[str], said: str) -> Figure:
    written, after = match["number"], (match["after"] or "").strip()
    values, said = readings(written), said.strip()
    if after.startswith("%"):
        return Figure("percent", said, values)
    if match["cents"]:
        return Figure("price", said, frozenset(value // 100 for value in values))
    if match["rest"]:
        values = frozenset(value + int(match["rest"]) * 10 for value in values)
    has_unit = match["unit"] is not None
    if (after and not has_unit) or said[:1] != written[:1]:
        # No price has three decimals where these may as well be thousands.
        likely = frozenset(value for value in values if value * THOUSAND not in values)
        return Figure("price", said, likely)
    is_price = not has_unit and _CENTS.fullmatch(written) is not None
    return Figure("price" if is_price else "number", said, values, has_unit=has_unit)
