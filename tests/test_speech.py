"""A voice note in words: what services are asked, and what is made of whatever comes back."""

import asyncio
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import httpx
import pytest

from bot.adapters import deepgram as deepgram_adapter
from bot.adapters.deepgram import Deepgram
from bot.adapters.openai_speech import OpenAiSpeech
from bot.domain.media import Sound, Transcript
from bot.domain.spoken_language import language_code
from bot.errors import Refused, Unavailable
from tests.harness import Answer, Behaviour, Drop, Gate, Hang, Network
from tests.harness.speech import ScriptedSpeech, deepgram_says, openai_says

KEY = "key-of-the-tests"
PATIENT = timedelta(seconds=20)
HASTY = timedelta(seconds=0.3)
EVERY_BYTE = bytes(range(256)) + b"\r\n--\r\n\r\n" + bytes(range(255, -1, -1))
NOTE = Sound(EVERY_BYTE, "audio/ogg", 2.5)
SAID = "This is what was said."
MODELS = {"deepgram": "nova-3", "openai": "gpt-4o-mini-transcribe"}
either_service = pytest.mark.parametrize("name", ["deepgram", "openai"])

Remote = Deepgram | OpenAiSpeech
Outcome = Transcript | Unavailable | Refused


@pytest.fixture
def speech(network: Network) -> Iterator[ScriptedSpeech]:
    server = ScriptedSpeech(network)
    yield server
    server.close()
    assert server.forget_plans() == []


@asynccontextmanager
async def service_at(
    name: str,
    url: str,
    *,
    model: str | None = None,
    language: str | None = None,
    within: timedelta = PATIENT,
    key: str = KEY,
) -> AsyncIterator[Remote]:
    model = MODELS[name] if model is None else model
    service: Remote
    if name == "deepgram":
        service = Deepgram(key, url, model, language, within)
    else:
        service = OpenAiSpeech(key, f"{url}/v1", model, language, within)
    try:
        yield service
    finally:
        await service.close()


async def hear(name: str, url: str, sound: Sound = NOTE, **wanted: Any) -> Outcome:
    async with service_at(name, url, **wanted) as service:
        return await outcome(service, sound)


async def outcome(service: Remote, sound: Sound) -> Outcome:
    try:
        return await service.transcribe(sound)
    except (Unavailable, Refused) as error:
        return error


async def hear_each(name: str, speech: ScriptedSpeech, *answers: Behaviour) -> list[Outcome]:
    """What is made of each answer, in one service; each must be asked for once."""
    outcomes = []
    async with service_at(name, speech.url) as service:
        for answer in answers:
            plan = speech.plan(answer)
            outcomes.append(await outcome(service, NOTE))
            assert plan.done
    assert len(speech.requests) == len(answers), "no redirects, no retries of the client's own"
    return outcomes


@asynccontextmanager
async def saying(reply: bytes, again: bytes = b"") -> AsyncIterator[tuple[str, list[bytes]]]:
    """A server that says `reply` whatever it is asked, then `again` and again; the heads it got."""
    heads: list[bytes] = []
    ended = asyncio.Event()

    async def say(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heads.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(reply)
        while again and not writer.is_closing():
            writer.write(again)
            await asyncio.sleep(0.02)
        writer.close()
        ended.set()

    listener = await asyncio.start_server(say, "127.0.0.1", 0)
    yield f"http://127.0.0.1:{listener.sockets[0].getsockname()[1]}", heads
    await ended.wait()
    listener.close()


# What is asked


async def test_deepgram_is_asked_for_one_transcript(speech: ScriptedSpeech) -> None:
    heard = await hear("deepgram", speech.url)

    assert heard == Transcript(SAID, "deepgram", "nova-3", "en")
    (upload,) = speech.heard
    assert (upload.service, upload.data, upload.media_type) == ("deepgram", EVERY_BYTE, "audio/ogg")
    assert upload.authorization == f"Token {KEY}"
    assert upload.params == {"model": "nova-3", "smart_format": "true", "detect_language": "true"}


async def test_openai_is_asked_for_one_transcript(speech: ScriptedSpeech) -> None:
    heard = await hear("openai", speech.url)

    assert heard == Transcript(SAID, "openai", "gpt-4o-mini-transcribe", None)
    (upload,) = speech.heard
    assert (upload.service, upload.data, upload.media_type) == ("openai", EVERY_BYTE, "audio/ogg")
    assert upload.filename == "voice.ogg"
    assert upload.authorization == f"Bearer {KEY}"
    assert upload.params == {"model": "gpt-4o-mini-transcribe", "response_format": "json"}


@pytest.mark.parametrize(
    ("media_type", "filename"), [("audio/mpeg", "voice.mp3"), ("audio/mp4", "voice.m4a")]
)
async def test_an_upload_is_named_and_typed_by_its_bytes(
    speech: ScriptedSpeech, media_type: str, filename: str
) -> None:
    sound = Sound(b"x", media_type, 1)
    await hear("deepgram", speech.url, sound)
    await hear("openai", speech.url, sound)

    by_deepgram, by_openai = speech.heard
    assert by_deepgram.media_type == by_openai.media_type == media_type
    assert by_openai.filename == filename


async def test_deepgram_is_told_one_type_and_nothing_of_this_machine() -> None:
    async with saying(b"") as (url, heads):
        await hear("deepgram", url)

    head = heads[0].lower()
    assert head.count(b"\r\ncontent-type:") == 1
    assert b"\r\nuser-agent: whatsapp-bot\r\n" in head
    for word in (b"x-fern", b"session", b"python", b"linux"):
        assert word not in head


@pytest.mark.parametrize("ending", ["", "/"])
async def test_deepgram_may_stand_behind_a_path(speech: ScriptedSpeech, ending: str) -> None:
    heard = await hear("deepgram", f"{speech.url}/sandbox/speech{ending}")

    assert isinstance(heard, Transcript)
    assert speech.requests[0].path.startswith("/sandbox/speech/v1/listen?")


@pytest.mark.parametrize(
    ("name", "given", "asked"),
    [
        ("deepgram", "es", "es"),
        ("deepgram", "es-419", "es-419"),
        ("openai", "es", "es"),
        ("openai", "es-419", "es"),
    ],
)
async def test_an_expected_language_is_named_and_not_detected(
    speech: ScriptedSpeech, name: str, given: str, asked: str
) -> None:
    heard = await hear(name, speech.url, language=given)

    (upload,) = speech.heard
    assert upload.params["language"] == asked
    assert "detect_language" not in upload.params
    assert isinstance(heard, Transcript)
    assert heard.language == asked


async def test_languages_that_change_within_a_sentence_are_deepgrams_own(
    speech: ScriptedSpeech,
) -> None:
    said = deepgram_says("Hola and bye")
    said.body["results"]["channels"][0]["alternatives"][0]["languages"] = ["es", "en"]
    speech.plan(said, deepgram_says("Bye"))
    names = ["deepgram", "deepgram", "openai"]
    heard = [await hear(name, speech.url, language="multi") for name in names]

    assert [getattr(one, "language", "") for one in heard] == ["es", None, None]
    assert [upload.params.get("language") for upload in speech.heard] == ["multi", "multi", None]


@pytest.mark.parametrize("model", ["whisper-1", "Systran/faster-Whisper-small"])
async def test_whisper_names_the_language(speech: ScriptedSpeech, model: str) -> None:
    speech.hears("Hola.", "es")
    heard = await hear("openai", speech.url, model=model)

    assert heard == Transcript("Hola.", "openai", model, "spanish")
    assert speech.heard[0].params["response_format"] == "verbose_json"


@pytest.mark.parametrize(
    ("tag", "code"),
    [
        (None, None),
        ("", None),
        (" ", None),
        ("multi", None),
        ("es", "es"),
        ("pt-BR", "pt"),
        ("zh_TW", "zh"),
        (" EN ", "en"),
        ("yue", "yue"),
    ],
)
def test_a_language_is_named_by_its_code(tag: str | None, code: str | None) -> None:
    assert language_code(tag) == code


# Answers


@either_service
async def test_what_was_said_is_cleaned(speech: ScriptedSpeech, name: str) -> None:
    speech.hears(" a\x00b\ud800c\r\nd ", "e\u202es\n" + "x" * 50)
    heard = await hear(name, speech.url, model="whisper-1")

    assert isinstance(heard, Transcript)
    assert heard.text == "ab\ufffdc\nd"
    assert heard.language is not None
    assert len(heard.language) <= 20
    assert heard.language.isprintable()


@either_service
async def test_a_huge_transcript_is_cut(speech: ScriptedSpeech, name: str) -> None:
    speech.hears("x" * 100_000)
    heard = await hear(name, speech.url)

    assert isinstance(heard, Transcript)
    assert len(heard.text) == 20_000


@either_service
async def test_no_words_are_no_failure(speech: ScriptedSpeech, name: str) -> None:
    speech.hears("")
    heard = await hear(name, speech.url)

    assert isinstance(heard, Transcript)
    assert heard.text == ""


EMPTY: list[Any] = [
    [],
    [{}],
    [None],
    [{"alternatives": None}],
    [{"alternatives": []}],
    [{"alternatives": [{}]}],
    [{"alternatives": [{"transcript": None}]}],
    [{"alternatives": [{"transcript": 5}], "detected_language": 5}],
]


async def test_deepgrams_empty_answers_are_no_words(speech: ScriptedSpeech) -> None:
    answers = [Answer(200, {"metadata": {}, "results": {"channels": empty}}) for empty in EMPTY]
    outcomes = await hear_each("deepgram", speech, *answers)

    assert outcomes == [Transcript("", "deepgram", "nova-3")] * len(EMPTY)


JUNK: list[Any] = [
    b"",
    b"<html>",
    b"\xff\xfe\x00",
    b"[" * 100_000,
    b"null",
    5,
    "hello",
    [],
    {},
    {"request_id": "a"},
    {"error": {"message": KEY}},
    {"text": 5},
    {"text": None},
    {"results": None},
    {"results": []},
    {"results": {}},
    {"results": {"channels": None}},
    {"results": {"channels": {"0": 1}}},
    {"results": {"channels": "hello"}},
    {"results": {"channels": ["hello"]}},
]


@either_service
async def test_an_answer_that_is_no_transcript_is_refused(
    speech: ScriptedSpeech, name: str
) -> None:
    outcomes = await hear_each(name, speech, *(Answer(200, body) for body in JUNK))

    for body, error in zip(JUNK, outcomes, strict=True):
        assert isinstance(error, Refused), repr(body)[:60]
        assert "check" in str(error)
        assert KEY not in str(error)


LISTED: list[Any] = [
    {"languages": [{"code": "es"}, {"code": "en"}]},
    {"languages": ["es"]},
    {"language": "es", "languages": 5},
    {"language": None, "languages": [{"code": "es"}]},
]


async def test_openais_newer_models_list_languages(speech: ScriptedSpeech) -> None:
    answers = [Answer(200, {"text": "Hola.", **languages}) for languages in LISTED]
    outcomes = await hear_each("openai", speech, *answers)

    assert outcomes == [Transcript("Hola.", "openai", MODELS["openai"], "es")] * len(LISTED)


async def test_a_language_that_is_none_is_not_told(speech: ScriptedSpeech) -> None:
    nonsense: list[Any] = [None, 5, [], [None], [{}], [{"code": 5}], "es"]
    answers = [Answer(200, {"text": "Hola.", "language": 5, "languages": it}) for it in nonsense]
    outcomes = await hear_each("openai", speech, *answers)

    assert outcomes == [Transcript("Hola.", "openai", MODELS["openai"])] * len(nonsense)


# Failures


PASSING = [408, 409, 425, 429, 500, 502, 503, 504, 529]
FINAL = [301, 307, 400, 401, 402, 403, 404, 413, 415, 418, 422]
BODIES: list[Any] = [b"", b"<html>", b"\xff\xfe\x00", b"[" * 100_000, [], KEY, {"err_msg": KEY}]


@either_service
async def test_an_overloaded_service_is_unavailable(speech: ScriptedSpeech, name: str) -> None:
    answers = [Answer(status, {}, {"Retry-After": "7"}) for status in PASSING]
    outcomes = await hear_each(name, speech, *answers)

    for status, error in zip(PASSING, outcomes, strict=True):
        assert isinstance(error, Unavailable), status
        assert f"answered {status}" in str(error)
        assert error.retry_after == timedelta(seconds=7)


@either_service
async def test_a_refused_sound_says_its_status_and_a_remedy(
    speech: ScriptedSpeech, name: str
) -> None:
    answers = [Answer(status, {}, {"Location": "/elsewhere"}) for status in FINAL]
    outcomes = await hear_each(name, speech, *answers)

    for status, error in zip(FINAL, outcomes, strict=True):
        assert isinstance(error, Refused), status
        assert error.status == status
        assert f"answered {status}: " in str(error)
        assert "\n" not in str(error)


@either_service
@pytest.mark.parametrize(("status", "kind"), [(400, Refused), (401, Refused), (503, Unavailable)])
async def test_a_status_counts_whatever_the_body_is(
    speech: ScriptedSpeech, name: str, status: int, kind: type
) -> None:
    outcomes = await hear_each(name, speech, *(Answer(status, body) for body in BODIES))

    for body, error in zip(BODIES, outcomes, strict=True):
        assert type(error) is kind, repr(body)[:60]
        assert isinstance(error, (Refused, Unavailable))
        assert KEY not in str(error)
        assert error.__cause__ is None


@either_service
async def test_a_broken_connection_is_unavailable(speech: ScriptedSpeech, name: str) -> None:
    outcomes = await hear_each(name, speech, Drop(), Drop(reset=False))

    assert [type(error) for error in outcomes] == [Unavailable, Unavailable]


@either_service
async def test_a_service_that_hangs_is_unavailable_after_the_time_out(
    speech: ScriptedSpeech, name: str
) -> None:
    speech.plan(Hang())

    assert isinstance(await hear(name, speech.url, within=HASTY), Unavailable)


@either_service
async def test_a_service_that_trickles_is_unavailable_after_the_time_out(name: str) -> None:
    head = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"
    async with saying(head, again=b"1\r\n \r\n") as (url, _heads), asyncio.timeout(10):
        error = await hear(name, url, within=HASTY)

    assert isinstance(error, Unavailable)
    assert "no answer in time" in str(error)


@either_service
@pytest.mark.parametrize(
    "reply",
    [b"", b"HTTP/1.1 2", b"not http\r\n\r\n", b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n{"],
)
async def test_a_broken_answer_is_unavailable(name: str, reply: bytes) -> None:
    async with saying(reply) as (url, heads):
        error = await hear(name, url)

    assert isinstance(error, Unavailable)
    assert len(heads) == 1, "no retries of the client's own"


@either_service
@pytest.mark.parametrize("host", ["127.0.0.1", "does-not-exist.invalid"])
async def test_without_a_connection_it_is_unavailable(name: str, host: str) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    error = await hear(name, f"http://{host}:{port}")

    assert isinstance(error, Unavailable)
    assert host in str(error)


@pytest.mark.parametrize("key", ["dg\r\nX-Evil: 1", "dg-ä", "", " "])
async def test_deepgram_is_not_asked_with_a_key_that_is_none(
    speech: ScriptedSpeech, key: str
) -> None:
    error = await hear("deepgram", speech.url, key=key)

    assert isinstance(error, Refused)
    assert "DEEPGRAM_API_KEY" in str(error)
    assert "Evil" not in str(error)
    assert speech.requests == []


@pytest.mark.parametrize("key", ["sk\r\nX-Evil: 1", "sk-ä", ""])
async def test_a_key_that_fits_no_header_is_no_crash(speech: ScriptedSpeech, key: str) -> None:
    heard = await hear("openai", speech.url, key=key)

    assert isinstance(heard, Transcript) == (key == "")
    assert "Evil" not in str(heard)


@pytest.mark.parametrize("url", ["ftp://x", "x", "", "http://[::1", "http://\u2100.x", "http://:0"])
async def test_an_address_that_is_none_is_no_crash(url: str) -> None:
    error = await hear("deepgram", url)

    assert isinstance(error, (Refused, Unavailable))


def test_every_error_of_httpx_that_a_call_can_meet_is_sorted() -> None:
    things = (getattr(httpx, name) for name in httpx.__all__)
    errors = {thing for thing in things if isinstance(thing, type)}
    unsorted = {
        error.__name__
        for error in errors
        if issubclass(error, Exception)
        and not issubclass(error, (httpx.HTTPError, *deepgram_adapter._UNUSABLE))
    }

    # Of cookies and of streams, neither of which is used.
    assert unsorted == {
        "CookieConflict",
        "RequestNotRead",
        "ResponseNotRead",
        "StreamClosed",
        "StreamConsumed",
        "StreamError",
    }


# The scripted service


@either_service
async def test_the_scripted_service_follows_plans_and_hears_on(
    speech: ScriptedSpeech, name: str
) -> None:
    gate = Gate()
    says = deepgram_says if name == "deepgram" else openai_says
    plan = speech.plan(Answer(503), says("First.", gate=gate))
    speech.hears("Second.")
    async with service_at(name, speech.url) as service:
        with pytest.raises(Unavailable):
            await service.transcribe(NOTE)
        first = asyncio.create_task(service.transcribe(NOTE))
        await gate.reached()
        gate.open()
        texts = [(await first).text, (await service.transcribe(NOTE)).text]

    assert texts == ["First.", "Second."]
    assert plan.done
    assert [upload.data for upload in speech.heard] == [EVERY_BYTE] * 3
