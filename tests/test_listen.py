"""Several speech services: who is asked, and what counts when none makes words of it."""

from collections.abc import Sequence

import pytest

from bot.domain.media import Problem, Reading, Sound, Transcript
from bot.errors import MediaMissing, Refused, Unavailable
from bot.listen import Listener

SOUND = Sound(b"sound", "audio/ogg", 30)


class Service:
    """Says one thing, every time."""

    def __init__(self, name: str, outcome: str | Exception) -> None:
        self.name = name
        self.outcome = outcome
        self.asked = 0

    async def transcribe(self, sound: Sound) -> Transcript:
        assert sound is SOUND
        self.asked += 1
        if isinstance(self.outcome, Exception):
            raise self.outcome
        return Transcript(self.outcome, self.name, "model", "es")

    async def close(self) -> None:
        pass


async def listen(*services: Service) -> Reading:
    return await Listener(services, _price).listen(SOUND)


def _price(service: str, seconds: float) -> float | None:
    return seconds / 60 if service == "first" else None


async def test_the_first_that_makes_words_of_it_is_the_last_that_is_asked() -> None:
    first, second = Service("first", "hola"), Service("second", "never")
    reading = await listen(first, second)
    assert (reading.text, reading.service, reading.language) == ("hola", "first", "es")
    assert reading.cost == pytest.approx(0.5)
    assert second.asked == 0


@pytest.mark.parametrize(
    ("outcome", "cost"),
    [
        (Unavailable("away"), None),
        (Refused("odd", 400), None),
        ("", 0.5),
        ("  ", 0.5),
        ("Thanks for watching!", 0.5),
    ],
)
async def test_the_next_is_asked_when_one_is_away_or_makes_nothing_of_it(
    outcome: str | Exception, cost: float | None
) -> None:
    reading = await listen(Service("first", outcome), Service("second", "hola"))
    assert (reading.text, reading.service, reading.cost) == ("hola", "second", cost)


async def test_no_words_anywhere_are_no_words_even_if_another_service_is_away() -> None:
    reading = await listen(Service("first", ""), Service("second", Unavailable("away")))
    assert (reading.problem, reading.service, reading.text) == (Problem.SILENT, "first", "")


async def test_while_one_may_still_do_it_the_note_waits() -> None:
    with pytest.raises(Unavailable, match="away"):
        await listen(Service("first", Refused("odd", 400)), Service("second", Unavailable("away")))


@pytest.mark.parametrize("status", [401, 402, 403, 404])
async def test_a_wrong_key_is_tried_for_a_while(status: int) -> None:
    with pytest.raises(MediaMissing, match="check the key"):
        await listen(Service("first", Refused("check the key", status)))


async def test_what_every_service_refuses_is_not_understood() -> None:
    services: Sequence[Service] = [Service("a", Refused("bad", 400)), Service("b", Refused("no"))]
    reading = await listen(*services)
    assert (reading.problem, reading.error) == (Problem.UNHEARD, "bad; no")


async def test_without_a_service_nothing_is_heard() -> None:
    assert (await listen()).problem is Problem.NO_SERVICE
