"""A scripted line provider: signs webhooks, takes replies, remembers both."""

import hashlib
import hmac
import json
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import unquote

import httpx

from tests.harness.http_server import Answer, Behaviour, Drop, Hang, Plan, Request, ScriptedServer
from tests.harness.network import Network, eventually

LINE = "ln_test"
SECRET = "whsec_of_the_tests"
API_KEY = "mm_live_of_the_tests"


@dataclass(frozen=True, slots=True)
class Send:
    """One POST of a message to the line; `taken`: the provider accepted it."""

    line_id: str
    to: str
    text: str
    key: str | None
    """The Idempotency-Key."""
    authorization: str | None
    body: Any
    at: float
    taken: bool
    provider_id: str
    """The id we answered with; the same for the same key."""


def sign(body: bytes, secret: str = SECRET) -> str:
    return hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


def _unused_number() -> str:
    # Random, because tests in other processes may share a database server.
    return f"+1555{uuid.uuid4().int % 10**8:08}"


class ScriptedProvider(ScriptedServer):
    """`sends` are all attempts; `Customer.reads` sees only what was taken."""

    def __init__(self, network: Network) -> None:
        self.sends: list[Send] = []
        self.webhook_url = ""
        """Set by the bot that is started with this provider."""
        self._ids: dict[str, str] = {}
        super().__init__(network)

    def customer(self, *, line_id: str = LINE, number: str | None = None) -> "Customer":
        """A customer nobody has met yet."""
        return Customer(self, _unused_number() if number is None else number, line_id)

    def plan_sends(self, *behaviours: Behaviour, to: str | None = None) -> Plan:
        """What the next attempts to send (to `to` only, when given) get."""
        return self.plan(
            *behaviours, when=lambda request: to is None or request.json.get("to") == to
        )

    def attempts_to(self, number: str) -> list[Send]:
        return [send for send in self.sends if send.to == number]

    def taken_for(self, number: str) -> list[Send]:
        return [send for send in self.attempts_to(number) if send.taken]

    async def deliver(
        self,
        event: Mapping[str, Any] | bytes,
        *,
        expect: int | None = 200,
        secret: str = SECRET,
        headers: Mapping[str, str] | None = None,
        url: str | None = None,
    ) -> httpx.Response:
        """Posts a signed webhook; `headers` replace the signature, `expect` None: any status."""
        body = event if isinstance(event, bytes) else json.dumps(event).encode()
        sent_headers = {"X-Mossmoon-Signature": sign(body, secret)} if headers is None else headers
        response = await self.network.call(
            self.network.http.post(
                self.webhook_url if url is None else url,
                content=body,
                headers={"Content-Type": "application/json", **sent_headers},
            )
        )
        assert expect is None or response.status_code == expect, response.text
        return response

    async def deliver_until_stored(
        self, event: Mapping[str, Any] | bytes, timeout_s: float = 30
    ) -> None:
        """Redelivers as the provider does: no connection, no answer or a 5xx means again."""

        async def stored() -> bool:
            try:
                return (await self.deliver(event, expect=None)).status_code == httpx.codes.OK
            except httpx.TransportError:
                return False

        await eventually(stored, timeout_s)

    async def line_ready(self, line_id: str = LINE, **fields: Any) -> str:
        return await self._event("line.ready", line_id, fields)

    async def line_disconnected(self, line_id: str = LINE, **fields: Any) -> str:
        return await self._event("line.disconnected", line_id, fields)

    async def delivered(
        self, to: str, provider_id: str | None = None, *, line_id: str = LINE
    ) -> str:
        """The message with `provider_id` reached the phone of `to`."""
        message = {"id": provider_id, "to": to}
        fields = {"message": message, "delivered_at": _now()}
        return await self._event("message.delivered", line_id, fields)

    async def _event(self, kind: str, line_id: str, fields: Mapping[str, Any]) -> str:
        event_id = new_event_id()
        await self.deliver({"event": kind, "id": event_id, "line_id": line_id, **fields})
        return event_id

    def normal_answer(self, request: Request) -> Answer:
        return Answer(200, {"id": self._id_for(request.headers.get("idempotency-key"))})

    def _id_for(self, key: str | None) -> str:
        known_as = uuid.uuid4().hex if key is None else key
        return self._ids.setdefault(known_as, f"msg_{uuid.uuid4().hex[:12]}")

    def noted(self, request: Request, behaviour: Behaviour) -> None:
        parts = request.path.split("/")
        if request.method != "POST" or parts[-1] != "messages":
            return
        body = request.json
        key = request.headers.get("idempotency-key")
        self.sends.append(
            Send(
                line_id=unquote(parts[-2]),
                to=str(body.get("to", "")),
                text=str(body.get("text", "")),
                key=key,
                authorization=request.headers.get("authorization"),
                body=body,
                at=request.at,
                taken=_taken(behaviour),
                provider_id=self._id_for(key),
            )
        )


def _taken(behaviour: Behaviour) -> bool:
    match behaviour:
        case Answer(status=status):
            return 200 <= status < 300
        case Hang(taken=taken) | Drop(taken=taken):
            return taken


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def new_event_id() -> str:
    return f"evt_{uuid.uuid4().hex[:12]}"


def new_message_id() -> str:
    return f"msg_{uuid.uuid4().hex[:12]}"


class Customer:
    """Somebody with a phone: writes through signed webhooks, reads what the line took."""

    def __init__(self, provider: ScriptedProvider, number: str, line_id: str) -> None:
        self.provider = provider
        self.number = number
        self.line_id = line_id

    def event(self, text: str | None = None, **fields: Any) -> dict[str, Any]:
        """A `message.received` for `provider.deliver`; `fields` replace those of the message."""
        message = {
            "id": new_message_id(),
            "from": self.number,
            "type": "text",
            "received_at": _now(),
            **({} if text is None else {"text": text}),
            **fields,
        }
        return {
            "event": "message.received",
            "id": new_event_id(),
            "line_id": self.line_id,
            "message": message,
        }

    async def writes(self, *texts: str, **fields: Any) -> list[str]:
        """One webhook after the other, each acknowledged; returns the event ids."""
        events = [self.event(text, **fields) for text in texts]
        for event in events:
            await self.provider.deliver(event)
        return [event["id"] for event in events]

    async def sends(
        self, kind: str, media: Mapping[str, Any] | None = None, caption: str = "", **fields: Any
    ) -> str:
        """A file, or something else that is no text; returns the event id."""
        given = {"type": kind, **fields}
        if media is not None:
            given["media"] = dict(media)
        if caption:
            given["caption"] = caption
        event = self.event(None, **given)
        await self.provider.deliver(event)
        return str(event["id"])

    async def reads(self, count: int = 1, timeout_s: float = 15) -> list[str]:
        """All texts received so far, once there are at least `count`."""

        def enough() -> list[str]:
            texts = self.read
            assert len(texts) >= count, f"{self.number} has read {texts}, waits for {count}"
            return texts

        return await eventually(enough, timeout_s)

    @property
    def read(self) -> list[str]:
        """All texts received so far, oldest first."""
        return [send.text for send in self.provider.taken_for(self.number)]

    @property
    def attempts(self) -> list[Send]:
        return self.provider.attempts_to(self.number)
