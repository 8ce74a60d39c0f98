"""The stand-in speech service, asked by the product, and what the stand-in model says of files."""

import asyncio
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from bot.adapters.deepgram import Deepgram
from bot.config import load
from bot.domain.media import Sound, Transcript
from bot.errors import Refused
from bot.sandbox.model import completion
from bot.sandbox.notes import remark_on_length
from bot.sandbox.quoting import NOTHING_FOUND
from bot.sandbox.sound_length import seconds_of
from bot.sandbox.speech import MAX_BYTES
from bot.sandbox_wiring import Sandbox, open_sandbox, with_operator
from tests.samples import (
    chromium_webm,
    voice_amr,
    voice_flac,
    voice_m4a,
    voice_mp3,
    voice_ogg,
    voice_wav,
    voice_webm,
)
from tests.sandbox_server import API_KEY, Site, running

LISTEN = "/sandbox/speech/v1/listen"
TOKEN = {"authorization": f"Token {API_KEY}"}
PROMPT = """You answer for a bakery.

## Facts
A lemon tart costs 3.50 euros.
On Sunday we are closed.
"""
HEARD = remark_on_length(3.2)
CANT_SEE = "I got a photo, but a stand-in can't see it."
CANT_HEAR = "I got a voice note of about 3 seconds, but no speech service is set up."
TART = "A lemon tart costs 3.50 euros."


async def transcribed(site: Site, data: bytes, key: str = API_KEY) -> Transcript:
    """As the product asks, through the service's SDK."""
    url = f"{site.url}/sandbox/speech"
    service = Deepgram(key, url, "nova-3", None, timedelta(seconds=10))
    try:
        return await service.transcribe(Sound(data, "audio/ogg", 3))
    finally:
        await service.close()


async def test_the_product_hears_how_long_a_voice_note_is() -> None:
    async with running() as site:
        heard = await transcribed(site, voice_ogg(3))
        assert (heard.text, heard.language) == (HEARD, "en")
        answer = await site.product.post(LISTEN, content=voice_wav(2), headers=TOKEN)
        assert answer.json()["metadata"]["duration"] == pytest.approx(2, abs=0.1)
        assert answer.json()["results"]["channels"][0]["alternatives"][0]["confidence"] == 1


async def test_a_wrong_key_or_body_is_refused_in_the_services_words() -> None:
    async with running() as site:
        with pytest.raises(Refused) as caught:
            await transcribed(site, b"x", key="wrong")
        assert caught.value.status == 401
        cases: list[tuple[dict[str, str], bytes, int]] = [
            ({}, b"x", 401),
            ({"authorization": f"Bearer {API_KEY}"}, b"x", 401),
            ({"authorization": f"Token {API_KEY}x"}, b"x", 401),
            (TOKEN, b"", 400),
            ({**TOKEN, "content-type": "application/json"}, b'{"url": "http://x"}', 400),
        ]
        for headers, body, status in cases:
            answer = await site.product.post(LISTEN, content=body, headers=headers)
            assert answer.status_code == status, headers
            assert {"err_code", "err_msg", "request_id"} == set(answer.json())
        large = b"x" * (MAX_BYTES + 1)
        assert (await site.product.post(LISTEN, content=large, headers=TOKEN)).status_code == 413
        foreign = {**TOKEN, "host": "evil.example"}
        assert (await site.product.post(LISTEN, content=b"x", headers=foreign)).status_code == 404


async def test_with_a_real_service_the_stand_in_is_not_there() -> None:
    async with running(speech_enabled=False) as site:
        gone = await site.product.post(LISTEN, content=b"x", headers=TOKEN)
        assert gone.status_code == 404


@pytest.mark.parametrize(
    ("voice", "media_type", "within"),
    [
        (voice_ogg, "audio/ogg", 0.1),
        (voice_wav, "audio/wav", 0.1),
        (voice_webm, "audio/webm;codecs=opus", 0.1),
        (voice_mp3, "audio/mpeg", 2),
        (voice_m4a, "audio/mp4", 2),
        (voice_amr, "audio/amr", 2),
        (voice_flac, "audio/flac", 0.1),
    ],
)
def test_a_length_is_estimated_from_the_container(
    voice: Callable[[float], bytes], media_type: str, within: float
) -> None:
    assert seconds_of(voice(3), media_type) == pytest.approx(3, abs=within)


@pytest.mark.parametrize(
    ("data", "seconds"),
    [
        (b"", 0),
        (b"x" * 8_000, 2),
        (b"OggS", 0.001),
        (b"RIFF\0\0\0\0WAVEfmt ", 0.004),
        (b"\x1a\x45\xdf\xa3\x1f\x43\xb6\x75", 0),
    ],
)
def test_what_is_no_sound_is_taken_by_its_size(data: bytes, seconds: float) -> None:
    assert seconds_of(data, "") == pytest.approx(seconds)


@pytest.mark.parametrize("voice", [voice_ogg, voice_wav, voice_flac, lambda _: chromium_webm()])
def test_a_broken_sound_has_some_length_all_the_same(voice: Callable[[float], bytes]) -> None:
    sound = voice(1)
    for end in range(0, len(sound), max(1, len(sound) // 200)):
        assert seconds_of(sound[:end], "audio/ogg") >= 0
        assert seconds_of(sound[:end] + b"\xff" * 40, "audio/ogg") >= 0


def test_lengths_are_said_in_words() -> None:
    assert "about 1 second;" in remark_on_length(0.2)
    assert "about 42 seconds;" in remark_on_length(42.4)
    assert "about 2 minutes;" in remark_on_length(130)


def said(content: object) -> Any:
    """What the stand-in model answers."""
    messages = [{"role": "system", "content": PROMPT}, {"role": "user", "content": content}]
    answer: Any = completion({"messages": messages}, 0)
    return answer["choices"][0]["message"]["content"]


def picture(text: str) -> list[dict[str, object]]:
    part: dict[str, object] = {"type": "image_url", "image_url": {"url": "data:image/jpeg;base64,"}}
    return [{"type": "text", "text": text}, part]


@pytest.mark.parametrize(
    ("content", "answer"),
    [
        (picture("[the customer sent a photo]"), CANT_SEE),
        (picture("[the customer sent a photo]\nHow much is a tart?"), f"{CANT_SEE}\n{TART}"),
        (picture(""), CANT_SEE),
        (
            [*picture("[the customer sent a photo]"), *picture("tart?")],
            f"I got 2 photos, but a stand-in can't see them.\n{TART}",
        ),
        (f"[the customer sent a voice note (3 s); what is said in it:]\n{HEARD}", CANT_HEAR),
        (
            f"[the customer sent a voice note]\n{HEARD}\nhow much is a tart",
            f"{CANT_HEAR}\n{TART}",
        ),
        ("[the customer sent a voice note (3 s); what is said in it:]\nthe tart?", TART),
        ("[the customer sent a voice note (0:03)] the tart?", TART),
        ("[Monday 3 May 2027, 09:10] [the customer sent a voice note] tart [today]", TART),
        ('[replying to: "a [b] c"] tart', TART),
        ("[the customer sent a photo, which you can't see]", "I got a photo."),
        (picture("[the customer sent a sticker]"), CANT_SEE.replace("photo", "sticker")),
        (
            "[the customer sent a place]\nLemon Tart Square\n40.4, -3.7\nhttps://maps.example/?q=1",
            "I got a place.",
        ),
        (
            "[the customer sent a place]\n40.4, -3.7\nhttps://maps.example/?q=1\na tart, please",
            TART,
        ),
        ("[the customer sent a contact card]\nEva Tart\n+1 555 010 0777", "I got a contact card."),
        ("[the customer sent a contact card]\nEva\n+1 555 010 0777\na tart?", TART),
        ("[the customer sent a sticker]\n[the customer reacted with x]", "I got a sticker."),
        (
            '[the customer sent a document ("menu.pdf", 2 pages); its text:]\nMenu\nSoup 4 euros\n'
            "[end of the document]",
            "I got a document.\nIt begins: Menu",
        ),
        (
            "[the customer sent a document; its text:]\nMenu\nThe soup costs 4 euros\n"
            "[end of the document; left out: 12 of 15 pages]\nHow much is the soup?",
            "The soup costs 4 euros",
        ),
        ("[a note", NOTHING_FOUND),
        ([], NOTHING_FOUND),
        ([{"type": "image_url"}, "tart", None, {"type": "text", "text": 7}], CANT_SEE),
    ],
)
def test_the_stand_in_model_says_what_it_got_and_answers_the_words(
    content: object, answer: str
) -> None:
    assert said(content) == answer


async def test_a_request_with_photos_is_not_too_large_for_the_stand_in_model() -> None:
    async with running() as site:
        large = picture("tart?")
        large[1]["image_url"] = {"url": "data:image/jpeg;base64," + "A" * 20_000_000}
        answer = await site.product.post(
            "/sandbox/model/v1/chat/completions",
            json={"model": "stand-in", "messages": [{"role": "user", "content": large}]},
            headers={"authorization": f"Bearer {API_KEY}"},
        )
        assert answer.json()["choices"][0]["message"]["content"] == CANT_SEE
        assert answer.json()["usage"]["prompt_tokens"] > 500


def opened(folder: Path, **env: str) -> Sandbox:
    (folder / "config.yaml").write_text(env.pop("CONFIG", ""))
    settings = with_operator(load(folder / "config.yaml", env, dev=True))
    return open_sandbox(settings, 8123, asyncio.Event())


async def test_the_product_is_told_of_the_sandboxs_media_host_and_speech(tmp_path: Path) -> None:
    sandbox = opened(tmp_path)
    assert sandbox.endpoints.media_hosts == ("127.0.0.1:8123",)
    assert sandbox.endpoints.speech_url == "http://127.0.0.1:8123/sandbox/speech"
    assert sandbox.endpoints.speech_key == sandbox.endpoints.line_key
    assert "no DEEPGRAM_API_KEY" in sandbox.greeting
    await sandbox.app.stop()


async def test_a_configured_speech_service_is_used_in_dev_too(tmp_path: Path) -> None:
    deepgram = {"DEEPGRAM_API_KEY": "dg-key", "DEEPGRAM_BASE_URL": "https://dg.example"}
    sandbox = opened(tmp_path, **deepgram)
    assert (sandbox.endpoints.speech_url, sandbox.endpoints.speech_key) == (
        "https://dg.example",
        "dg-key",
    )
    assert "DEEPGRAM" not in sandbox.greeting
    await sandbox.app.stop()
    without = opened(tmp_path, CONFIG="speech:\n  provider: none\n")
    assert without.endpoints.speech_key is None
    assert "DEEPGRAM" not in without.greeting
    await without.app.stop()
