"""Something spoken becomes words: speech services in their order, and what to think of theirs."""

import time
from collections.abc import Callable, Sequence
from dataclasses import replace

from bot.domain.invented import is_invented
from bot.domain.media import Problem, Reading, Sound, Transcript
from bot.domain.refusal import failure_kind
from bot.errors import MediaMissing, Refused, Unavailable
from bot.metrics import COST, SPEECH_ERRORS, SPEECH_SECONDS
from bot.ports import Transcriber

_SETTINGS_AT_FAULT = frozenset({401, 402, 403, 404})


class Listener:
    """Asks speech services."""

    def __init__(
        self, services: Sequence[Transcriber], price: Callable[[str, float], float | None]
    ) -> None:
        """`price` of so many seconds with a service; None: not known."""
        self._services = services
        self._price = price

    async def listen(self, sound: Sound) -> Reading:
        """What the first service that makes words of it heard.

        Raises Unavailable or MediaMissing when none did, and one may do so later.
        """
        if not self._services:
            return Reading(Problem.NO_SERVICE, "no speech service is set up")
        wordless: Reading | None = None
        errors: list[Unavailable | Refused] = []
        for service in self._services:
            try:
                reading = self._as_reading(await _ask(service, sound), sound)
            except (Unavailable, Refused) as error:
                SPEECH_ERRORS.labels(failure_kind(error)).inc()
                errors.append(error)
                continue
            if reading.problem is None:
                return _together(wordless, reading)
            wordless = _together(wordless, reading)
        return _without_words(errors) if wordless is None else wordless

    def _as_reading(self, heard: Transcript, sound: Sound) -> Reading:
        cost = self._price(heard.service, sound.duration_s)
        COST.labels("speech").inc(cost or 0)
        is_nothing = not heard.text.strip() or is_invented(heard.text)
        return Reading(
            problem=Problem.SILENT if is_nothing else None,
            error="no words were heard in it" if is_nothing else None,
            text="" if is_nothing else heard.text,
            language=heard.language,
            service=heard.service,
            model=heard.model,
            cost=cost,
        )


async def _ask(service: Transcriber, sound: Sound) -> Transcript:
    begun_s = time.monotonic()
    heard = await service.transcribe(sound)
    SPEECH_SECONDS.labels(heard.service).observe(time.monotonic() - begun_s)
    return heard


def _together(paid: Reading | None, reading: Reading) -> Reading:
    """The second's words, at the price of both."""
    if paid is None or paid.cost is None:
        return reading
    return replace(reading, cost=paid.cost + (reading.cost or 0.0))


def _without_words(errors: Sequence[Unavailable | Refused]) -> Reading:
    for error in errors:
        if isinstance(error, Unavailable):
            raise error
    said = "; ".join(str(error) for error in errors)
    if any(isinstance(error, Refused) and error.status in _SETTINGS_AT_FAULT for error in errors):
        raise MediaMissing(said, Problem.UNHEARD.value)  # somebody may mend a key meanwhile
    return Reading(Problem.UNHEARD, said)
