"""Webhook calls made and signed beforehand, so that the load costs the generator little."""

import hashlib
import hmac
import itertools
import json

SECRET = "whsec_of_the_bench"  # noqa: S105 - made up
LINE = "ln_bench"
BODY_BYTES = 600

_serial = itertools.count(1)


def start_at(serial: int) -> None:
    """Count on from here: a database that is measured again knows the first messages already."""
    global _serial  # noqa: PLW0603 - one count for all of a process
    _serial = itertools.count(serial)


def number_of(customer: int) -> str:
    return f"+1555{customer:08}"


def marker(serial: int) -> str:
    """Stands in the message's text; the scripted model puts the last one into its answer."""
    return f"#{serial:08}#"


def webhook(port: int, customer: int, body_bytes: int = BODY_BYTES) -> tuple[int, bytes]:
    """The message's serial number, and a whole HTTP request with its signature."""
    serial = next(_serial)
    text = f"Hello, are you open today? {marker(serial)}"
    body = _body(serial, customer, text)
    if len(body) < body_bytes:
        body = _body(serial, customer, "." * (body_bytes - len(body)) + text)
    signature = hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest()
    head = (
        f"POST /webhooks/whatsapp HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n"
        f"Content-Type: application/json\r\nX-Mossmoon-Signature: {signature}\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    )
    return serial, head.encode() + body


def _body(serial: int, customer: int, text: str) -> bytes:
    event = {
        "event": "message.received",
        "id": f"evt_{serial:012}",
        "line_id": LINE,
        "message": {
            "id": f"msg_{serial:012}",
            "from": number_of(customer),
            "type": "text",
            "text": text,
            "profile_name": "Ana",
            "received_at": "2026-06-12T14:42:11Z",
        },
    }
    return json.dumps(event).encode()
