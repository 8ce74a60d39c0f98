"""Answers of the model that are known already, under everything that went into the question."""

import hashlib
import json
import os
import secrets
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any

from bot.domain.chat import ChatRequest, Completion, HandOffCall, Picture, Usage

_FORMAT = 1
_KEPT_S = 30 * 86_400
"""Since it was last of use."""
_LARGEST_BYTES = 1_000_000


class Cache:
    """One small file for each answer, readable by its owner only. Losing it costs money, no more.

    `made_with`: what goes into every answer beside the request, such as server and temperature.
    """

    def __init__(self, folder: Path, made_with: Mapping[str, Any]) -> None:
        self._folder = folder
        self._made_with = dict(made_with)

    def key(self, request: ChatRequest, sample: str) -> str:
        """`sample` tells apart the answers to one and the same question."""
        question = {
            "format": _FORMAT,
            "made_with": self._made_with,
            "model": request.model,
            "hand_off_when": request.hand_off_when,
            "messages": [[one.role, _content(one.content)] for one in request.messages],
            "sample": sample,
        }
        return hashlib.sha256(json.dumps(question, sort_keys=True).encode()).hexdigest()

    def get(self, key: str) -> Completion | None:
        """None: not known, or no longer readable."""
        path = self._path(key)
        try:
            with path.open("rb") as file:
                found = _completion(json.loads(file.read(_LARGEST_BYTES)))
            os.utime(path)
        except (OSError, ValueError, TypeError, KeyError, RecursionError):
            return None
        return found

    def put(self, key: str, completion: Completion) -> None:
        """Atomically; a full disk is no reason to stop."""
        path = self._path(key)
        part = path.with_name(f".{secrets.token_hex(8)}")
        with suppress(OSError):
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            try:
                with os.fdopen(
                    os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w"
                ) as file:
                    json.dump(asdict(completion), file)
                part.replace(path)
            finally:
                part.unlink(missing_ok=True)

    def tidy(self) -> None:
        """Forget what has been of no use for a month."""
        old = time.time() - _KEPT_S
        for path in self._folder.glob("??/*"):
            with suppress(OSError):
                if path.stat().st_mtime < old:
                    path.unlink()

    def _path(self, key: str) -> Path:
        return self._folder / key[:2] / f"{key}.json"


def _content(content: str | tuple[str | Picture, ...]) -> Any:
    if isinstance(content, str):
        return content
    return [
        part if isinstance(part, str) else {"picture": hashlib.sha256(part.data).hexdigest()}
        for part in content
    ]


def _completion(found: Any) -> Completion:
    call = found["hand_off"]
    hand_off = None if call is None else HandOffCall(str(call["reason"]), str(call["summary"]))
    usage = found["usage"]
    return Completion(
        str(found["text"]),
        Usage(str(usage["model"]), *(_count(usage[name]) for name in _COUNTS)),
        hand_off,
    )


_COUNTS = ("tokens_in", "tokens_out", "took_ms")


def _count(value: Any) -> int | None:
    return None if value is None else int(value)
