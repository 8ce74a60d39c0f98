"""The webhooks' shapes: the provider's or, where those are unknown, the assumed defaults."""

from collections.abc import Callable

from bot.sandbox.chats import Bubble, Customer
from bot.sandbox.contents import File, FileKind
from bot.sandbox.values import Json, new_id, now, stamp


def received(customer: Customer, bubble: Bubble, media_url: Callable[[str], str]) -> Json:
    """A customer's message. `media_url` gives a file's address by its id."""
    message = _opening(customer, bubble.id, bubble.kind) | _body(bubble, media_url)
    if bubble.quoted_id is not None:
        message["quoted"] = {"id": bubble.quoted_id, "text": bubble.quoted_text}
    return {"message": message | {"received_at": stamp(bubble.at)}}


def reacted(customer: Customer, bubble: Bubble) -> Json:
    """A reaction to a message; an empty emoji takes it back."""
    message = _opening(customer, new_id("msg"), "reaction")
    message["reaction"] = {"emoji": bubble.reaction, "message_id": bubble.id}
    return {"message": message | {"received_at": stamp(now())}}


def edited(customer: Customer, bubble: Bubble) -> Json:
    """A customer's message has other words now."""
    return {"message": {"id": bubble.id, "from": customer.address, "text": bubble.text}}


def deleted(customer: Customer, bubble: Bubble) -> Json:
    """A customer took a message back."""
    return {"message": {"id": bubble.id, "from": customer.address}}


def delivered(customer: Customer, bubble: Bubble) -> Json:
    """What the shop sent is on the customer's phone."""
    message = {"id": bubble.id, "to": customer.address}
    return {"message": message, "delivered_at": stamp(now())}


def typed(customer: Customer, bubble: Bubble) -> Json:
    """A person wrote on the shop's own phone."""
    message = {
        "id": bubble.id,
        "to": customer.address,
        "type": "text",
        "text": bubble.text,
        "sent_at": stamp(bubble.at),
    }
    return {"message": message}


def _opening(customer: Customer, message_id: str, kind: str) -> dict[str, object]:
    names = {"from": customer.address, "profile_name": customer.name}
    return {"id": message_id, "type": kind, **names}


def _body(bubble: Bubble, media_url: Callable[[str], str]) -> dict[str, object]:
    content = bubble.content
    if content is None:
        return {"text": bubble.text}
    if not isinstance(content, File):
        return {str(content.kind): content.json()}
    caption = {"caption": bubble.text} if bubble.text else {}
    return {"media": _media(content, media_url(content.id)), **caption}


def _media(file: File, url: str) -> dict[str, object]:
    media: dict[str, object] = {"url": url, "mime_type": file.mime_type, "sha256": file.sha256}
    if file.kind is FileKind.DOCUMENT and file.filename:
        media["filename"] = file.filename
    return media
