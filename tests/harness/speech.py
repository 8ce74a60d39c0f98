"""A scripted speech service: Deepgram at `url`, and OpenAI's transcriptions at `url` + `/v1`."""

import email
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal
from urllib.parse import parse_qsl, urlsplit

from tests.harness.http_server import Answer, Behaviour, Gate, Request, ScriptedServer
from tests.harness.network import Network

Service = Literal["deepgram", "openai"]
_WHISPER_NAMES = {"en": "english", "es": "spanish", "de": "german", "fr": "french"}


@dataclass(frozen=True, slots=True)
class Upload:
    """A sound that somebody wanted to have in words."""

    service: Service
    data: bytes = field(repr=False)
    media_type: str
    filename: str | None
    """None: Deepgram is told none."""
    params: Mapping[str, str]
    """Of the query or the form."""
    authorization: str


def deepgram_says(
    text: str, language: str | None = None, *, data: bytes = b"", gate: Gate | None = None
) -> Answer:
    """What Deepgram answers; `language` only if it was asked to detect it."""
    words = [
        {"word": word.lower(), "start": i, "end": i + 0.5, "confidence": 0.98}
        for i, word in enumerate(text.split())
    ]
    best = {"transcript": text, "confidence": 0.98 if words else 0.0, "words": words}
    detected = {} if language is None else {"detected_language": language}
    certainty = {} if language is None else {"language_confidence": 0.97}
    metadata = {
        "transaction_key": "deprecated",
        "request_id": "a847f427-4ad5-4d67-9b95-db801e58251c",
        "sha256": hashlib.sha256(data).hexdigest(),
        "created": "2026-11-23T10:00:00.000Z",
        "duration": len(words) + 0.5,
        "channels": 1,
        "models": ["30089e05-99d1-4376-b32e-c263170674af"],
        "model_info": {
            "30089e05-99d1-4376-b32e-c263170674af": {
                "name": "2-general-nova",
                "version": "2024-01-09.29447",
                "arch": "nova-3",
            }
        },
    }
    channel = {"alternatives": [best], **detected, **certainty}
    return Answer(200, {"metadata": metadata, "results": {"channels": [channel]}}, gate=gate)


def openai_says(text: str, language: str | None = None, *, gate: Gate | None = None) -> Answer:
    """What OpenAI answers; with a `language` the long form of Whisper."""
    if language is None:
        usage = {"type": "tokens", "input_tokens": 14, "output_tokens": 9, "total_tokens": 23}
        return Answer(200, {"text": text, "usage": usage}, gate=gate)
    named = _WHISPER_NAMES.get(language, language)
    body = {"task": "transcribe", "language": named, "duration": 3.5, "text": text, "segments": []}
    return Answer(200, body, gate=gate)


class ScriptedSpeech(ScriptedServer):
    """Hears the same in every sound, until told otherwise; `heard` holds all that came."""

    def __init__(self, network: Network) -> None:
        self.heard: list[Upload] = []
        self._text, self._language = "This is what was said.", "en"
        super().__init__(network)

    def hears(self, text: str, language: str = "es") -> None:
        """What every further sound says; empty: no words."""
        self._text, self._language = text, language

    def normal_answer(self, request: Request) -> Answer:
        upload = _upload(request)
        if upload is None:
            return Answer(404, {"error": {"message": "no such path", "code": "not_found"}})
        if upload.service == "deepgram":
            detects = upload.params.get("detect_language") == "true"
            language = self._language if detects else None
            return deepgram_says(self._text, language, data=upload.data)
        long = upload.params.get("response_format") == "verbose_json"
        return openai_says(self._text, self._language if long else None)

    def noted(self, request: Request, behaviour: Behaviour) -> None:
        del behaviour
        upload = _upload(request)
        if upload is not None:
            self.heard.append(upload)


def _upload(request: Request) -> Upload | None:
    """None: not for a speech service."""
    address = urlsplit(request.path)
    if request.method == "POST" and address.path.endswith("/v1/listen"):
        return _of_deepgram(request, address.query)
    if request.method == "POST" and address.path.endswith("/v1/audio/transcriptions"):
        return _of_openai(request)
    return None


def _of_deepgram(request: Request, query: str) -> Upload:
    return Upload(
        "deepgram",
        request.body,
        request.headers.get("content-type", ""),
        None,
        dict(parse_qsl(query)),
        request.headers.get("authorization", ""),
    )


def _of_openai(request: Request) -> Upload:
    data, media_type, filename, params = b"", "", None, {}
    for head, body in _parts(request):
        name = head.get_param("name", header="content-disposition")
        if name == "file":
            data, media_type, filename = body, head.get_content_type(), head.get_filename()
        else:
            params[str(name)] = body.decode()
    authorization = request.headers.get("authorization", "")
    return Upload("openai", data, media_type, filename, params, authorization)


def _parts(request: Request) -> list[tuple[email.message.Message, bytes]]:
    """The head and the bytes of each part of a form."""
    kind = email.message_from_string(f"content-type: {request.headers.get('content-type')}\n\n")
    boundary = f"--{kind.get_boundary()}".encode()
    parts = []
    for piece in (b"\r\n" + request.body).split(b"\r\n" + boundary)[1:-1]:
        head, _, body = piece.removeprefix(b"\r\n").partition(b"\r\n\r\n")
        parts.append((email.message_from_bytes(head), body))
    return parts
