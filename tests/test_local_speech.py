"""A voice note in words, on this machine; most of it needs the extra `local-speech`."""

import asyncio
import importlib.util
import shutil
import subprocess
import threading
import wave
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from types import SimpleNamespace

import pytest

from bot.adapters.local_speech import LocalSpeech
from bot.domain.media import Sound
from bot.errors import Refused, Unavailable
from tests.tiny_whisper import LANGUAGES, build_tiny_whisper

NOTE = Sound(b"some bytes that are no sound", "audio/ogg", 2.5)
INSTALLED = importlib.util.find_spec("faster_whisper") is not None
needs_whisper = pytest.mark.skipif(not INSTALLED, reason="faster-whisper is not installed")


def spoken(folder: Path, words: str = "Hello, two pizzas for tonight please.") -> Sound:
    if shutil.which("espeak-ng") is None:
        pytest.skip("espeak-ng is not installed")
    path = folder / "spoken.wav"
    subprocess.run(["espeak-ng", "-w", path, words], check=True)
    return Sound(path.read_bytes(), "audio/wav", 3)


def silence(folder: Path) -> Sound:
    path = folder / "silence.wav"
    with wave.open(str(path), "wb") as sound:
        sound.setnchannels(1)
        sound.setsampwidth(2)
        sound.setframerate(16_000)
        sound.writeframes(bytes(2 * 16_000))
    return Sound(path.read_bytes(), "audio/wav", 1)


@asynccontextmanager
async def model_in(folder: Path, language: str | None = None) -> AsyncIterator[LocalSpeech]:
    service = LocalSpeech(folder, language)
    try:
        yield service
    finally:
        await service.close()


async def test_a_folder_without_a_model_is_refused(tmp_path: Path) -> None:
    async with model_in(tmp_path / "nowhere") as service:
        with pytest.raises(Refused, match=r"speech\.local_model"):
            await service.transcribe(NOTE)


@pytest.mark.parametrize("lacking", ["model.bin", "config.json", "tokenizer.json"])
async def test_a_model_that_would_need_a_download_is_refused(tmp_path: Path, lacking: str) -> None:
    for name in {"model.bin", "config.json", "tokenizer.json"} - {lacking}:
        (tmp_path / name).write_text("{}")
    async with model_in(tmp_path) as service:
        with pytest.raises(Refused, match=lacking):
            await service.transcribe(NOTE)


@pytest.mark.skipif(INSTALLED, reason="faster-whisper is installed")
async def test_without_the_library_the_extra_is_named(tmp_path: Path) -> None:
    for name in ("model.bin", "config.json", "tokenizer.json"):
        (tmp_path / name).write_text("{}")
    async with model_in(tmp_path) as service:
        with pytest.raises(Refused, match="local-speech"):
            await service.transcribe(NOTE)


@needs_whisper
async def test_a_broken_model_is_refused(tmp_path: Path) -> None:
    build_tiny_whisper(tmp_path)
    (tmp_path / "model.bin").write_bytes(b"no model")
    async with model_in(tmp_path) as service:
        with pytest.raises(Refused, match="can't be loaded"):
            await service.transcribe(NOTE)


@needs_whisper
async def test_a_model_in_a_folder_hears(tmp_path: Path) -> None:
    sound = spoken(tmp_path)
    async with model_in(build_tiny_whisper(tmp_path)) as service:
        first, second = await asyncio.gather(service.transcribe(sound), service.transcribe(sound))

    assert first.service == second.service == "local"
    assert first.model == tmp_path.name
    assert first.language in LANGUAGES


@needs_whisper
@pytest.mark.parametrize("language", ["es", "es-419"])
async def test_a_model_in_a_folder_is_told_the_language(tmp_path: Path, language: str) -> None:
    sound = spoken(tmp_path)
    async with model_in(build_tiny_whisper(tmp_path), language) as service:
        assert (await service.transcribe(sound)).language == "es"


@needs_whisper
async def test_a_language_that_no_model_knows_is_refused(tmp_path: Path) -> None:
    sound = spoken(tmp_path)
    async with model_in(build_tiny_whisper(tmp_path), "klingon") as service:
        with pytest.raises(Refused, match=r"speech\.language"):
            await service.transcribe(sound)


@needs_whisper
async def test_silence_and_junk_end_no_model(tmp_path: Path) -> None:
    async with model_in(build_tiny_whisper(tmp_path)) as service:
        quiet = await service.transcribe(silence(tmp_path))
        for data in (b"", NOTE.data, silence(tmp_path).data[:30]):
            with pytest.raises(Refused, match="decoded"):
                await service.transcribe(Sound(data, "audio/ogg", 1))
        again = await service.transcribe(silence(tmp_path))

    assert quiet.text == again.text == ""


@needs_whisper
async def test_after_a_sound_that_nobody_waits_for_the_next_is_heard(tmp_path: Path) -> None:
    minutes = spoken(tmp_path, "Hello, two pizzas for tonight please. " * 30)
    async with model_in(build_tiny_whisper(tmp_path)) as service:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.05):
                await service.transcribe(minutes)
        assert (await service.transcribe(silence(tmp_path))).text == ""


@pytest.mark.parametrize("closed", [True, False])
async def test_a_sound_that_nobody_waits_for_is_given_up(tmp_path: Path, closed: bool) -> None:
    given_up = threading.Event()
    async with model_in(tmp_path) as service:
        words = service._until(given_up, (SimpleNamespace(text=word) for word in "abc"))
        assert next(words) == "a"
        if closed:
            await service.close()
        else:
            given_up.set()
        with pytest.raises(Unavailable):
            next(words)


async def test_a_closed_model_is_unavailable(tmp_path: Path) -> None:
    async with model_in(tmp_path) as service:
        await service.close()
        with pytest.raises(Unavailable):
            await service.transcribe(NOTE)
