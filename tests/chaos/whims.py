"""What line and model do instead of answering: programmable, and counted when they do it."""

import random
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

from tests.harness import Answer, Behaviour, Drop, Hang, Request

Make = Callable[[], Behaviour]
_LATE = "a neighbour answers late"
_USUALLY_S = 0.3


def _date_in_a_second() -> str:
    return format_datetime(datetime.now(UTC) + timedelta(seconds=1), usegmt=True)


def _error(status: int, code: str, **headers: str) -> Answer:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Answer(status, {"error": code, "message": "scripted"}, named)


LINE: Mapping[str, Make] = {
    "line accepts and hangs": lambda: Hang(taken=True),
    "line hangs": Hang,
    "line accepts and drops": lambda: Drop(taken=True),
    "line drops": Drop,
    "line closes early": lambda: Drop(reset=False),
    "line 409": lambda: _error(409, "line_not_ready"),
    "line 429 in seconds": lambda: _error(429, "rate_limited", Retry_After="1"),
    "line 429 by date": lambda: _error(429, "rate_limited", Retry_After=_date_in_a_second()),
    "line 500": lambda: _error(500, "internal"),
    "line 503": lambda: _error(503, "unavailable"),
    # A 200 without an id beside a send without an answer cannot be told apart by a later notice.
    "line answers nonsense": lambda: Answer(502, b"<html>bad gateway"),
}
MODEL: Mapping[str, Make] = {
    "model hangs": Hang,
    "model drops": Drop,
    "model 429": lambda: _error(429, "rate_limited", Retry_After="1"),
    "model 500": lambda: _error(500, "internal"),
    "model answers nonsense": lambda: Answer(200, b"{"),
}
SPEECH: Mapping[str, Make] = {
    "speech hangs": Hang,
    "speech drops": Drop,
    "speech 429": lambda: _error(429, "rate_limited", Retry_After="1"),
    "speech 503": lambda: _error(503, "unavailable"),
    "speech answers nonsense": lambda: Answer(200, b"{"),
}
MEDIA: Mapping[str, Make] = {
    "media host hangs": Hang,
    "media host drops": Drop,
    "media host 500": lambda: _error(500, "internal"),
}


class Whims:
    """Each request may meet one of these, with the given chance, while `enabled`.

    The others take a moment: what happens while somebody waits for an answer is what goes wrong.
    """

    def __init__(
        self,
        kinds: Mapping[str, Make],
        normal: Callable[[Request], Answer],
        chance: float,
        dice: random.Random,
        fired: Counter[str],
    ) -> None:
        """`normal`: what it would get; now and then it gets that late."""
        self._kinds = kinds
        self._normal = normal
        self._chance = chance
        self._dice = dice
        self._fired = fired
        self.enabled = True

    def __call__(self, request: Request) -> Behaviour | None:
        if not self.enabled:
            return None
        if self._dice.random() > self._chance:  # no fault, but nobody answers at once
            return replace(self._normal(request), delay_s=self._dice.uniform(0, _USUALLY_S))
        kind = self._dice.choice([*self._kinds, _LATE])
        self._fired[kind] += 1
        if kind != _LATE:
            return self._kinds[kind]()
        return replace(self._normal(request), delay_s=self._dice.uniform(0.5, 1.8))
