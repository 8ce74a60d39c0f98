"""What a model server answered: untrusted JSON, made into a `Completion`."""

import json
import re
from typing import Any

from bot.domain.chat import Completion, HandOffCall, Usage
from bot.domain.untrusted import clean_line, clean_text
from bot.errors import Refused

TEXT_LIMIT = 20_000
_ARGUMENT_LIMIT = 2_000
_NAME_LIMIT = 200
_CODE = re.compile(r"[a-z][a-z_]{0,63}", re.ASCII)

_THOUGHTS = re.compile(r"<(think|thinking|reasoning)>.*?(?:</\1>|\Z)", re.DOTALL | re.IGNORECASE)
# Some servers cut off the opening tag with the prompt.
_OPEN_THOUGHTS = re.compile(r"\A.*?</(?:think|thinking|reasoning)>", re.DOTALL | re.IGNORECASE)
_SENTENCE_END = re.compile(r"[.!?…。！？][\"'»”’)\]*_]*(?=\s|\Z)|[。！？]|\n")


def read_completion(body: bytes, model: str, *, hand_off_offered: bool) -> Completion:
    """Read the answer of a 2xx; `model` is the one asked for. Raises Refused."""
    answer = _object(_json(body), "the answer")
    choices = answer.get("choices")
    if not isinstance(choices, list) or not choices:
        raise Refused("the model's answer holds no choices")
    choice = _object(choices[0], "the first choice")
    message = _object(choice.get("message"), "its message")
    finish = choice.get("finish_reason")
    if finish == "content_filter" or _text_of(message.get("refusal")):
        raise Refused("the model's server withheld the answer (content filter or refusal)")
    text = _reply(_text_of(message.get("content")), cut_short=finish == "length")
    hand_off = _hand_off(message, offered=hand_off_offered)
    if not text and hand_off is None:
        raise Refused("the model's answer holds neither words nor a call that was offered")
    return Completion(text, _usage(answer, model), hand_off)


def error_code(body: bytes) -> str | None:
    """The machine-readable code in an error's body; None when there is none to be trusted."""
    try:
        error = json.loads(body).get("error")
        codes = [error.get("code"), error.get("type")]
    except (ValueError, AttributeError, RecursionError):
        return None
    return next((code for code in codes if isinstance(code, str) and _CODE.fullmatch(code)), None)


def _json(body: bytes) -> Any:
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        raise Refused("the model's answer is no JSON") from None


def _object(value: Any, what: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise Refused(f"the model's answer is invalid: {what} is no object")
    return value


def _text_of(content: Any) -> str:
    """The words of a content: a string, or a list of parts."""
    if isinstance(content, str):
        return content
    if not isinstance(content, list):
        return ""
    texts = (part.get("text") for part in content if isinstance(part, dict))
    return "".join(text for text in texts if isinstance(text, str))


def _reply(text: str, *, cut_short: bool) -> str:
    text = _OPEN_THOUGHTS.sub("", _THOUGHTS.sub("", text))
    text = clean_text(text, TEXT_LIMIT).strip()
    return _whole_sentences(text) if cut_short else text


def _whole_sentences(text: str) -> str:
    """Up to the last sentence that is complete; everything when none is."""
    ends = [match.end() for match in _SENTENCE_END.finditer(text)]
    return text[: ends[-1]].rstrip() if ends else text


def _hand_off(message: dict[str, Any], *, offered: bool) -> HandOffCall | None:
    calls = message.get("tool_calls")
    if not offered or not isinstance(calls, list):
        return None
    functions = (call.get("function") for call in calls if isinstance(call, dict))
    for function in functions:
        if isinstance(function, dict) and function.get("name") == "hand_off":
            return _arguments(function.get("arguments"))
    return None


def _arguments(raw: Any) -> HandOffCall:
    try:
        # Most servers send a string of JSON, some the object itself.
        arguments = json.loads(raw) if isinstance(raw, str) else raw
        reason, summary = arguments["reason"], arguments["summary"]
    except (ValueError, RecursionError, KeyError, TypeError):
        raise Refused("the model called hand_off with invalid arguments") from None
    if not isinstance(reason, str) or not isinstance(summary, str):
        raise Refused("the model called hand_off with arguments that are no text")
    return HandOffCall(
        clean_text(reason, _ARGUMENT_LIMIT).strip(), clean_text(summary, _ARGUMENT_LIMIT).strip()
    )


def _usage(answer: dict[str, Any], model: str) -> Usage:
    named = answer.get("model")
    cleaned = clean_line(named, _NAME_LIMIT) if isinstance(named, str) else ""
    counts = answer.get("usage")
    if not isinstance(counts, dict):
        counts = {}
    return Usage(
        model=cleaned if cleaned else model,
        tokens_in=_count(counts.get("prompt_tokens")),
        tokens_out=_count(counts.get("completion_tokens")),
    )


def _count(value: Any) -> int | None:
    return value if type(value) is int and 0 <= value < 10**9 else None
