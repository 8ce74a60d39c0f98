"""Customers of a chaos run, and who hears and keeps their voice notes."""

import asyncio
import hashlib
import random
import time
from typing import Any

from tests.chaos.line import ChaosLine
from tests.chaos.record import Record, Written
from tests.harness import Answer, Network, Request, ScriptedMediaHost, ScriptedSpeech
from tests.harness.provider import new_event_id, new_message_id
from tests.harness.speech import deepgram_says
from tests.samples.voices import voice_ogg

_VOICE_CHANCE = 0.06
_TWICE_CHANCE = 0.05
_LATE_CHANCE = 0.05
_SAMPLE_S = 1 / 16_000


class ChaosSpeech(ScriptedSpeech):
    """Hears in each sound what was said in it."""

    def __init__(self, network: Network) -> None:
        self.said: dict[str, str] = {}
        """By the SHA-256 of the sound."""
        super().__init__(network)

    def normal_answer(self, request: Request) -> Answer:
        text = self.said.get(hashlib.sha256(request.body).hexdigest(), "")
        return deepgram_says(text, "en", data=request.body)


class Customers:
    """They write and speak, and the line delivers: once, twice, or again under another id."""

    def __init__(
        self,
        line: ChaosLine,
        media: ScriptedMediaHost,
        speech: ChaosSpeech,
        dice: random.Random,
        record: Record,
    ) -> None:
        self._line = line
        self._media = media
        self._speech = speech
        self._dice = dice
        self._record = record

    async def write(self, written: Written, line_id: str) -> None:
        """One message, until the bot has acknowledged it."""
        message = {"id": new_message_id(), "from": written.customer}
        message |= self._content(written)
        event = {
            "event": "message.received",
            "id": written.event_ids[0],
            "line_id": line_id,
            "message": message,
        }
        chance = self._dice.random()
        if chance > 1 - _LATE_CHANCE:
            self._record.fired["webhook out of order"] += 1
            await asyncio.sleep(self._dice.uniform(0.2, 1))  # how long the line keeps it
        written.posted_at = time.monotonic()
        twice = chance < _TWICE_CHANCE
        posts = [self._line.post_until_stored(event) for _ in range(2 if twice else 1)]
        self._record.fired["webhook delivered twice"] += twice
        written.acknowledged_at = min(await asyncio.gather(*posts))
        if _TWICE_CHANCE <= chance < 2 * _TWICE_CHANCE:
            self._record.fired["message under another event id"] += 1
            await self._line.post_until_stored({**event, "id": new_event_id()})

    def _content(self, written: Written) -> dict[str, Any]:
        text = f"m{written.serial:06}"
        if self._dice.random() > _VOICE_CHANCE:
            return {"type": "text", "text": text}
        written.spoken = True
        # Each is longer by a millisecond, so that no two are the same.
        sound = voice_ogg(0.5 + written.serial * 16 * _SAMPLE_S)
        self._speech.said[hashlib.sha256(sound).hexdigest()] = text
        return {"type": "voice", "media": self._media.serve(sound, media_type="audio/ogg")}
