"""Which language a customer speaks, as far as that is known, and what languages are called.

Short messages are not guessed at: `ok`, a name and a street tell nothing, and a wrong guess is
worse than the prompt's own words. What a speech service heard counts, then the number's country.
"""

from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from typing import Final

from bot.domain.entry import Entry
from bot.domain.spoken_language import language_code

_CODES: Final = (
    "aa ab ae af ak am an ar as av ay az ba be bg bh bi bm bn bo br bs ca ce ch co cr cs cu cv "
    "cy da de dv dz ee el en eo es et eu fa ff fi fil fj fo fr fy ga gd gl gn gu gv ha he hi "
    "ho hr ht hu hy hz ia id ie ig ii ik io is it iu ja jv ka kg ki kj kk kl km kn ko kr ks ku "
    "kv kw ky la lb lg li ln lo lt lu lv mg mh mi mk ml mn mr ms mt my na nb nd ne ng nl nn no "
    "nr nv ny oc oj om or os pa pi pl ps pt qu rm rn ro ru rw sa sc sd se sg si sk sl sm sn so "
    "sq sr ss st su sv sw ta te tg th ti tk tl tn to tr ts tt tw ty ug uk ur uz ve vi vo wa wo "
    "xh yi yo yue za zh zu"
)
CODES: Final = frozenset(_CODES.split())
"""ISO 639: two letters, and three where speech services use them."""

NAMES: Final[Mapping[str, str]] = {
    "english": "en", "inglés": "en", "spanish": "es", "español": "es", "castellano": "es",
    "portuguese": "pt", "português": "pt", "french": "fr", "français": "fr", "german": "de",
    "deutsch": "de", "italian": "it", "italiano": "it", "catalan": "ca", "català": "ca",
    "dutch": "nl", "nederlands": "nl", "polish": "pl", "polski": "pl", "romanian": "ro",
    "russian": "ru", "ukrainian": "uk", "arabic": "ar", "turkish": "tr", "chinese": "zh",
    "japanese": "ja", "korean": "ko", "hindi": "hi", "hebrew": "he", "greek": "el",
    "swedish": "sv", "danish": "da", "norwegian": "no", "finnish": "fi", "czech": "cs",
    "hungarian": "hu", "galician": "gl", "galego": "gl", "basque": "eu", "euskara": "eu",
    "indonesian": "id", "vietnamese": "vi", "thai": "th",
}  # fmt: skip
"""In English and as the languages call themselves."""

_BY_PREFIX: Final[Mapping[str, str]] = {
    prefix: code
    for code, prefixes in {
        "en": "1 44 353 61 64",
        # Within +1: the Dominican Republic and Puerto Rico.
        "es": "34 51 52 53 54 56 57 58 502 503 504 505 506 507 591 593 595 598 "
        "1809 1829 1849 1787 1939",
        "pt": "351 55 244 258",
        "fr": "33",
        "de": "49 43",
        "it": "39",
        "nl": "31",
        "pl": "48",
        "ro": "40",
        "el": "30",
        "hu": "36",
        "cs": "420",
        "sk": "421",
        "sv": "46",
        "da": "45",
        "no": "47",
        "fi": "358",
        "tr": "90",
        "ru": "7",
        "uk": "380",
        "ja": "81",
        "ko": "82",
        "zh": "86",
        "th": "66",
        "vi": "84",
        "id": "62",
        "he": "972",
        "ar": "20 212 213 216 218 961 962 963 964 965 966 967 968 970 971 973 974",
        # Within +7: Kazakhstan.
        "": "76 77",
    }.items()
    for prefix in prefixes.split()
}
"""Only countries in which one language clearly prevails: nothing for Belgium or Switzerland."""


def language_named(text: str) -> str:
    """The code for `es`, `pt-BR`, `Spanish`. Raises ValueError: what to write instead."""
    given = text.strip().casefold()
    code = NAMES.get(given, language_code(given))
    if code not in CODES:
        close = get_close_matches(given, NAMES, n=1, cutoff=0.75)
        remedy = f"write `{NAMES[close[0]]}` for {close[0]}" if close else "write one like `es`"
        raise ValueError(f"no such language: {remedy}")
    return code


def language_of(entries: Iterable[Entry], contact_key: str) -> str:
    """The language of the customer's last voice note, else their country's; empty: not known."""
    for entry in entries:
        heard = _heard(entry)
        if heard is not None:
            return heard
    digits = contact_key.removeprefix("+") if contact_key.startswith("+") else ""
    found = (_BY_PREFIX.get(digits[:length]) for length in (4, 3, 2, 1))
    return next((code for code in found if code is not None), "")


def _heard(entry: Entry) -> str | None:
    if entry.author != "customer" or entry.kind != "voice" or entry.media is None:
        return None
    reading = entry.media.reading
    return language_code(reading.language) if reading.text.strip() else None
