"""The stand-in speech service: speaks Deepgram's API, hears nothing, says so.

It lets the whole way of a voice note be tried without an account: in place of words it writes a
remark on the length of what it got.
"""

import hashlib
import uuid

from fastapi import Depends, FastAPI, Request
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from bot.sandbox.guard import token
from bot.sandbox.notes import remark_on_length
from bot.sandbox.sound_length import seconds_of
from bot.sandbox.values import Declined, Json, now, stamp

MODEL_NAME = "stand-in"
MAX_BYTES = 50 * 2**20

_CODES = {401: "INVALID_AUTH", 413: "PAYLOAD_TOO_LARGE"}


def create(api_key: str) -> FastAPI:
    """The app below `/speech`."""
    app = FastAPI(openapi_url=None, max_body_size=MAX_BYTES)
    app.add_exception_handler(Declined, _failed)
    app.add_exception_handler(HTTPException, _failed)

    @app.post("/v1/listen", dependencies=[Depends(token(api_key))])
    async def listen(request: Request) -> Json:
        media_type = request.headers.get("content-type", "")
        data = await request.body()
        if not data or media_type.startswith("application/json"):
            text = "Bad Request: failed to process audio: corrupt or unsupported data"
            raise Declined(400, "Bad Request", text)
        return transcription(data, seconds_of(data, media_type))

    return app


def transcription(data: bytes, seconds: float) -> Json:
    """The answer in the real service's shape."""
    model_id = str(uuid.uuid5(uuid.NAMESPACE_URL, MODEL_NAME))
    metadata = {
        "transaction_key": "deprecated",
        "request_id": str(uuid.uuid4()),
        "sha256": hashlib.sha256(data).hexdigest(),
        "created": stamp(now()),
        "duration": round(seconds, 3),
        "channels": 1,
        "models": [model_id],
        "model_info": {model_id: {"name": MODEL_NAME, "version": "1", "arch": MODEL_NAME}},
    }
    said = {"transcript": remark_on_length(seconds), "confidence": 1.0, "words": []}
    channel = {"alternatives": [said], "detected_language": "en", "language_confidence": 1.0}
    return {"metadata": metadata, "results": {"channels": [channel]}}


async def _failed(_: Request, error: Exception) -> JSONResponse:
    match error:
        case Declined(status=status):
            message = str(error)
        case HTTPException(status_code=status, detail=message):
            pass
        case _:
            raise error
    code = _CODES.get(status, "Bad Request")
    body = {"err_code": code, "err_msg": message, "request_id": str(uuid.uuid4())}
    return JSONResponse(body, status)
