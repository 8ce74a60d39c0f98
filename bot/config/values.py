"""The kinds of value that settings are made of: strict, bounded, with errors an operator can use.

Strict, because a lenient reading turns `true` into port 1 and `no` into false.
"""

import re
import zoneinfo
from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import Annotated, Any, Literal
from urllib.parse import SplitResult, urlsplit

from pydantic import AfterValidator, BeforeValidator, Field, Strict

from bot.domain.contact import contact_key, contact_pattern
from bot.domain.holidays import Holiday, parse_holiday
from bot.domain.opening_hours import DAYS, opening
from bot.domain.suggestion import nearest
from bot.domain.text_body import body_faults
from bot.yaml_reader import DecimalNumber, WholeNumber

_LINE_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.:-]{0,127}")
_BUCKET = re.compile(r"(s3|gs|az)://[A-Za-z0-9][A-Za-z0-9._-]*(/[^\s?#@]*)?")
_HOST = re.compile(r"(\[[0-9a-fA-F:.]+\]|[a-z0-9]([a-z0-9.-]*[a-z0-9])?)(:[0-9]{1,5})?")
_URL_HOST = re.compile(r"[a-z0-9_]([a-z0-9._-]*[a-z0-9_])?|[0-9a-f:.]*:[0-9a-f:.]*")
_FULL_DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,63}")
_PLACE = re.compile(r"\{([A-Za-z_]+)\}")


def _as_written(value: Any) -> Any:
    """`+34600111222` without quotes is a number in YAML; where text is wanted it is that text."""
    return value.source if isinstance(value, WholeNumber | DecimalNumber) else value


def _time_zone(name: str) -> str:
    try:
        zoneinfo.ZoneInfo(name)
    except (ValueError, OSError, zoneinfo.ZoneInfoNotFoundError):
        hint = nearest(name, sorted(zoneinfo.available_timezones()) if len(name) > 3 else [])
        hint = hint if hint.startswith("did") else "write one like `Europe/Madrid`"
        raise ValueError(f"no such time zone; {hint}") from None
    return name


def as_contact(address: str) -> str:
    """The key of one phone number. Raises ValueError: what to write."""
    if "*" in address:
        raise ValueError("`*` has no meaning here: write one phone number like `+34600111222`")
    key = contact_key(address)
    if not key or not key.isprintable() or len(key) > 200:
        raise ValueError("write a phone number like `+34600111222`")
    if re.fullmatch(r"[+0-9 ().-]*", key) and not re.fullmatch(r"\+[0-9]{7,15}", key):
        raise ValueError("not a whole phone number: write it like `+34600111222`")
    return key


def _contact_pattern(text: str) -> str:
    if "*" not in text:
        return as_contact(text)
    pattern = contact_pattern(text)
    if not any(char.isalnum() for char in pattern):
        remedy = "write `+34*`, or say `answer: all` or `answer: nobody`"
        raise ValueError(f"`*` needs a digit or a letter beside it: {remedy}")
    if not pattern.isprintable() or len(pattern) > 200:
        raise ValueError("write the beginning of phone numbers like `+34*`")
    return pattern


def _each_once(contacts: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(contacts))


def _variable(name: str) -> str:
    if not _VARIABLE.fullmatch(name):
        raise ValueError("a name has letters, digits and `_` only")
    return name


def _variable_value(value: Any) -> Any:
    """Numbers keep the form in which they were written; a list becomes a tuple."""
    items = value if isinstance(value, list | tuple) else [value]
    if not all(isinstance(item, str | int | float) for item in items) or len(items) > 200:
        raise ValueError("must be text, a number, true, false, or a list of at most 200 of these")
    return tuple(value) if isinstance(value, list) else value


def _host(name: str) -> str:
    name = name.lower()
    if not _HOST.fullmatch(name):
        raise ValueError("write `host` or `host:port`, without `https://` and without a path")
    return name


def _url_parts(url: str) -> SplitResult:
    """Raises ValueError, without the URL, which may be a secret: what is wrong with it."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise ValueError("not an address: write it like `https://host/path`") from None
    if parts.scheme not in {"http", "https"} or not _URL_HOST.fullmatch(parts.hostname or ""):
        raise ValueError("must begin with https:// or http:// and a host")
    if port == 0 or not url.isascii() or not url.isprintable() or " " in url:
        raise ValueError("its port is 0, or it holds a blank or a letter that no URL has")
    return parts


def _public_url(url: str) -> str:
    if not url:
        return url
    if "@" in _url_parts(url).netloc:
        raise ValueError("must not hold a user or a password: write `https://bot.example.org`")
    if "?" in url or "#" in url:
        raise ValueError("must not hold a `?` or a `#`: write `https://bot.example.org`")
    return url.rstrip("/")


def _notify_url(url: str) -> str:
    if url:
        _url_parts(url)
    return url


def _otlp_url(url: str) -> str:
    if url and "@" in _url_parts(url).netloc:
        remedy = "set OTEL_EXPORTER_OTLP_HEADERS in the environment"
        raise ValueError(f"must not hold a user or a password: {remedy}")
    return url.rstrip("/")


def _store(url: str) -> str:
    if url and not _BUCKET.fullmatch(url):
        raise ValueError("write s3://bucket/folder, gs://… or az://…, or nothing for a folder here")
    return url


def _prompt_path(given: str) -> str:
    """`default`, `prompts/default.yaml`: always below the folder of the settings file."""
    path = PurePosixPath(given.replace("\\", "/"))
    if path.is_absolute() or ".." in path.parts or ":" in path.parts[:1]:
        raise ValueError("must lie below the folder of the settings: write `prompts/default.yaml`")
    if not path.parts:
        raise ValueError("write the name of a prompt file, like `prompts/default.yaml`")
    if path.suffix in {".yaml", ".yml"}:
        return str(path)
    if len(path.parts) > 1:
        raise ValueError("must end in .yaml: write `prompts/default.yaml`")
    return f"prompts/{path}.yaml"


def _line_id(name: str) -> str:
    if not _LINE_ID.fullmatch(name):
        raise ValueError("a line's id has letters, digits and `_ . : -` only, like `ln_…`")
    return name


def _day(name: str) -> str:
    name = name.lower()
    if name in _FULL_DAYS:
        return name[:3]
    if name not in DAYS:
        raise ValueError(f"no day of the week; {nearest(name, DAYS)}")
    return name


def _day_hours(value: Any) -> Any:
    """One span, a list of spans, or `closed` (an empty tuple)."""
    items = [value] if isinstance(value, str) else value
    if not isinstance(items, list | tuple):
        raise ValueError('write `closed` or a list like ["09:00-13:00", "16:00-20:00"]')
    if list(items) in ([], ["closed"]):
        return ()
    spans = tuple(opening(item) if isinstance(item, str) else None for item in items)
    if None in spans:
        raise ValueError('write spans like "09:00-13:00", or `closed` alone')
    return spans


def _holiday(value: Any) -> Any:
    return parse_holiday(str(_as_written(value)))


def _not_built(value: float) -> float:
    if value:
        raise ValueError("not built yet: write 0")
    return value


def _body(template: Any) -> Any:
    plain = _plain(template)
    faults = [*body_faults(plain)]
    strange = [name for name in _place_names(plain) if name not in {"to", "text"}]
    faults += [f"`{{{name}}}` is not known: only {{to}} and {{text}} are" for name in strange]
    if faults:
        raise ValueError("; ".join(faults))
    return plain


def _plain(value: Any) -> Any:
    """The same without the numbers' written form, which no other module needs to know of."""
    match value:
        case Mapping():
            return {str(key): _plain(item) for key, item in value.items()}
        case list() | tuple():
            return [_plain(item) for item in value]
        case WholeNumber():
            return int(value)
        case DecimalNumber():
            return float(value)
        case _:
            return value


def _place_names(value: Any) -> list[str]:
    match value:
        case str():
            return _PLACE.findall(value)
        case Mapping():
            return [name for item in value.values() for name in _place_names(item)]
        case list():
            return [name for item in value for name in _place_names(item)]
        case _:
            return []


Text = Annotated[str, BeforeValidator(_as_written)]
ShortText = Annotated[Text, Field(min_length=1, max_length=500)]
Whole = Annotated[int, Strict()]
Count = Annotated[Whole, Field(ge=0)]
Number = Annotated[float, Strict(), Field(allow_inf_nan=False)]
Seconds = Annotated[Number, Field(ge=0, le=31_536_000)]
Percent = Annotated[Number, Field(gt=0, le=100)]
PositiveSeconds = Annotated[Number, Field(gt=0, le=31_536_000)]
Flag = Annotated[bool, Strict()]
TimeZone = Annotated[Text, AfterValidator(_time_zone)]
Contact = Annotated[Text, AfterValidator(as_contact)]
ContactPattern = Annotated[Text, AfterValidator(_contact_pattern)]
Operators = Annotated[tuple[Contact, ...], Field(max_length=100), AfterValidator(_each_once)]
Host = Annotated[Text, AfterValidator(_host)]
Store = Annotated[Text, AfterValidator(_store)]
Url = Annotated[str, Field(max_length=2000), BeforeValidator(_as_written)]
PublicUrl = Annotated[Url, AfterValidator(_public_url)]
NotifyUrl = Annotated[Url, AfterValidator(_notify_url)]
OtlpUrl = Annotated[Url, AfterValidator(_otlp_url)]
PromptPath = Annotated[Text, AfterValidator(_prompt_path)]
VariableName = Annotated[str, AfterValidator(_variable)]
VariableValue = Annotated[Any, AfterValidator(_variable_value)]
SpeechProvider = Literal["deepgram", "openai", "local", "none"]
ServiceName = Literal["deepgram", "openai", "local"]
LineId = Annotated[str, AfterValidator(_line_id)]
Day = Annotated[str, AfterValidator(_day)]
DayHours = Annotated[tuple[str, ...], BeforeValidator(_day_hours)]
Holidays = Annotated[
    tuple[Annotated[Holiday, BeforeValidator(_holiday)], ...], Field(max_length=366)
]
NotBuilt = AfterValidator(_not_built)
"""Nothing acts on the key yet: to accept a value would be to pretend."""
TextBody = Annotated[Any, AfterValidator(_body)]
