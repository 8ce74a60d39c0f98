"""Speech to text on this machine, by a faster-whisper model in a folder of the operator's.

The library is an optional extra, loaded with the model at the first voice note. Nothing is ever
downloaded: faster-whisper would fetch a tokenizer that is missing, so a folder without one isn't
loaded at all.
"""

import asyncio
import importlib
import importlib.util
import io
import os
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import av

from bot.domain.media import Sound, Transcript
from bot.domain.spoken_language import language_code
from bot.domain.untrusted import clean_line, clean_text
from bot.errors import Refused, Unavailable

_TEXT_LIMIT = 20_000
_NAME_LIMIT = 100
_LANGUAGE_LIMIT = 20
_FILES = ("model.bin", "config.json", "tokenizer.json")
_NOT_SET_UP = 404
"""The status that a service on the net would answer: no fault of the sound's."""


class LocalSpeech:
    """One model, loaded once, hearing one sound at a time in a thread. `close` it at the end."""

    def __init__(self, folder: Path, language: str | None) -> None:
        """Touches nothing yet. None: detect the language."""
        self._folder = folder
        self._language = language_code(language)
        self._model: Any = None
        self._closed = threading.Event()
        # Its own thread: one that a caller no longer waits for still keeps the next one waiting.
        self._thread = ThreadPoolExecutor(1, "local-speech")

    async def transcribe(self, sound: Sound) -> Transcript:
        """What was said. Raises Refused (this sound, or no usable model) or Unavailable.

        There is no time-out: cancelled, it ends within half a minute of the sound.
        """
        if self._closed.is_set():
            raise Unavailable("the local speech model is closed")
        given_up = threading.Event()
        loop = asyncio.get_running_loop()
        try:
            return await loop.run_in_executor(self._thread, self._hear, sound, given_up)
        finally:
            given_up.set()

    async def close(self) -> None:
        """Stop what is being heard, and let go of the model."""
        self._closed.set()
        await asyncio.to_thread(self._thread.shutdown, cancel_futures=True)
        self._model = None

    def _hear(self, sound: Sound, given_up: threading.Event) -> Transcript:
        if self._model is None:
            self._model = _load(self._folder)
        try:
            segments, about = self._model.transcribe(
                io.BytesIO(sound.data),
                language=self._language,
                vad_filter=importlib.util.find_spec("onnxruntime") is not None,
                # With it, one invented sentence leads to the next.
                condition_on_previous_text=False,
            )
            text = "".join(self._until(given_up, segments))
        except (av.FFmpegError, IndexError) as error:
            raise Refused(f"the sound can't be decoded ({type(error).__name__})") from None
        except ValueError:
            raise Refused("the local speech model can't use it: check speech.language") from None
        except MemoryError:
            raise Unavailable("there is too little memory for the local speech model") from None
        except RuntimeError as error:
            raise Refused(f"the local speech model failed ({type(error).__name__})") from None
        return self._transcript(text, about.language)

    def _until(self, given_up: threading.Event, segments: Any) -> Iterator[str]:
        """The words, as they are heard, of up to half a minute each."""
        for segment in segments:
            if given_up.is_set() or self._closed.is_set():
                raise Unavailable("nobody waits for this sound any more")
            yield segment.text

    def _transcript(self, text: str, language: str) -> Transcript:
        return Transcript(
            text=clean_text(text, _TEXT_LIMIT).strip(),
            service="local",
            model=clean_line(self._folder.resolve().name, _NAME_LIMIT),
            language=clean_line(language, _LANGUAGE_LIMIT) or None,
        )


def _load(folder: Path) -> Any:
    missing = [name for name in _FILES if not (folder / name).is_file()]
    if missing:
        raise Refused(
            f"speech.local_model is no folder of a faster-whisper model: it lacks {missing[0]}",
            _NOT_SET_UP,
        )
    # Read when its library is imported; the files are all here, this is the second lock.
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    try:
        faster_whisper = importlib.import_module("faster_whisper")
    except ImportError:
        raise Refused(
            "speech.provider `local` needs faster-whisper: install whatsapp-bot[local-speech]",
            _NOT_SET_UP,
        ) from None
    return _open(faster_whisper, folder)


def _open(faster_whisper: Any, folder: Path) -> Any:
    try:
        return faster_whisper.WhisperModel(
            str(folder), device="cpu", compute_type="int8", local_files_only=True
        )
    except MemoryError:
        raise Unavailable("there is too little memory for the local speech model") from None
    except Exception as error:  # noqa: BLE001 - two libraries in Rust and C++ raise what they like
        what = type(error).__name__
        raise Refused(
            f"the model in speech.local_model can't be loaded ({what}): convert it anew",
            _NOT_SET_UP,
        ) from None
