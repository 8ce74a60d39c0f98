"""What the line API's answer to a send means for the message, the line and the account."""

import json
import re
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from bot.adapters.mossmoon.ids import stable_id
from bot.domain.outbox import AccountHeld, LineHeld, NotSent, Rejected, SendOutcome, Sent
from bot.domain.retry_after import parse_retry_after
from bot.domain.untrusted import clean_line, without_numbers

_CODE = re.compile(r"[a-z][a-z0-9_.-]{0,63}", re.ASCII)
_MESSAGE_LIMIT = 300
_REMEDIES = {
    401: "check MOSSMOON_API_KEY",
    402: "top up the wallet",
    404: "check the line id and MOSSMOON_BASE_URL",
    422: "check line_api.text_body",
    400: "check line_api.text_body",
}


def classify(
    status: int, body: bytes, retry_after: str | None, private: Sequence[str], now: datetime
) -> SendOutcome:
    """Sort one answer. `private` (key, contact, text) and phone numbers never get into an error."""
    if 200 <= status < 300:
        return Sent(_provider_id(_as_object(body)))
    code, error = _code_and_error(status, _as_object(body), private)
    match status:
        case 401 | 402:
            return AccountHeld(code, error)
        case 409 | 429:
            return LineHeld(code, error, parse_retry_after(retry_after, now), capped=status == 429)
        case 408 | 425:  # it asks for the same request again, and has not acted on this one
            return NotSent(error)
        case _ if status >= 500:
            return NotSent(error, maybe_repeated=True)
        case _:
            return Rejected(code, error)


def _as_object(body: bytes) -> dict[str, Any]:
    try:
        value = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


def _provider_id(answer: dict[str, Any]) -> str | None:
    message = answer.get("message")
    inner = message.get("id") if isinstance(message, dict) else None
    candidates = (answer.get("id"), inner, answer.get("message_id"))
    found = (stable_id(str(value) if type(value) is int else value) for value in candidates)
    return next((provider_id for provider_id in found if provider_id is not None), None)


def _code_and_error(status: int, answer: dict[str, Any], private: Sequence[str]) -> tuple[str, str]:
    given = answer.get("error")
    known = isinstance(given, str) and _CODE.fullmatch(given) and without_numbers(given) == given
    code = given if known and isinstance(given, str) else f"http_{status}"
    parts = [f"the line API answered {status} {code}"]
    for key in ("balance_cents", "required_cents"):
        value = answer.get(key)
        if isinstance(value, int) and abs(value) < 10**12:
            parts.append(f"{key} {value}")
    said = _scrubbed(answer.get("message"), private)
    if said:
        parts.append(said)
    if 300 <= status < 400:
        parts.append("a redirect, which is not followed: check MOSSMOON_BASE_URL")
    if status in _REMEDIES:
        parts.append(_REMEDIES[status])
    return code, "; ".join(parts)


def _scrubbed(message: object, private: Sequence[str]) -> str:
    if not isinstance(message, str):
        return ""
    for secret in private:
        if secret:
            message = message.replace(secret, "[…]")
    return clean_line(without_numbers(message), _MESSAGE_LIMIT)
