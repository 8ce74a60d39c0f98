"""What the browser phones show: customers and their bubbles, in memory and bounded."""

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum

from bot.sandbox.contents import Content
from bot.sandbox.feed import Feed
from bot.sandbox.values import Declined, Json, now, stamp

MAX_CUSTOMERS = 50
MAX_BUBBLES = 500
"""For each customer; older ones are forgotten here, never in the product."""
TYPING_AT_MOST = timedelta(seconds=60)


class Author(StrEnum):
    """Who wrote a bubble."""

    CUSTOMER = "customer"
    SHOP = "shop"
    """It came through the line API: the bot, or an operator."""
    PERSON = "person"
    """It was typed on the shop's own phone."""


class Tick(StrEnum):
    """How far a customer's message has come."""

    SENT = "sent"
    """The line has it."""
    DELIVERED = "delivered"
    """The webhook was answered with 2xx."""
    FAILED = "failed"
    """The line gave up delivering the webhook."""


@dataclass(frozen=True, slots=True)
class Bubble:
    """One message in a chat; `tick` is None for what the shop wrote."""

    id: str
    author: Author
    text: str = field(repr=False)
    """The words, or the caption of a file."""
    at: datetime
    tick: Tick | None = None
    note: str = ""
    """What became of the last webhook attempt, for the developer."""
    quoted_id: str | None = None
    quoted_text: str = field(default="", repr=False)
    content: Content | None = None
    reaction: str = ""
    """The customer's emoji; empty: none."""
    edited: bool = False
    deleted: bool = False
    """Taken back by the customer; words and content are gone."""

    @property
    def kind(self) -> str:
        """The message's type in the webhook."""
        return "text" if self.content is None else str(self.content.kind)


@dataclass(slots=True)
class Customer:
    """One stand-in customer's phone."""

    address: str
    name: str
    bubbles: dict[str, Bubble] = field(default_factory=dict)
    typing_until: datetime | None = None


class Chats:
    """Every change goes to the feed as it happens."""

    def __init__(self, feed: Feed) -> None:
        self._feed = feed
        self._customers: dict[str, Customer] = {}

    def add(self, address: str, name: str) -> Customer:
        """Raises Declined when the number is taken or the list is full."""
        if address in self._customers:
            raise Declined(409, "exists", "There is already a customer with this number.")
        if len(self._customers) >= MAX_CUSTOMERS:
            raise Declined(422, "too_many", f"There is room for {MAX_CUSTOMERS} customers only.")
        customer = self._customers[address] = Customer(address, name)
        self._feed.publish("customer", _customer_json(customer))
        return customer

    def get(self, address: str) -> Customer:
        customer = self._customers.get(address)
        if customer is None:
            raise Declined(404, "not_found", "There is no such customer in the sandbox.")
        return customer

    def get_or_add(self, address: str) -> Customer:
        """The line may write to anybody: an operator's number appears as one more phone."""
        customer = self._customers.get(address)
        return self.add(address, address) if customer is None else customer

    def show(self, customer: Customer, bubble: Bubble) -> None:
        """Add a bubble; one by the shop ends the typing."""
        customer.bubbles[bubble.id] = bubble
        if len(customer.bubbles) > MAX_BUBBLES:
            del customer.bubbles[next(iter(customer.bubbles))]
        self._publish_bubble(customer, bubble)
        if bubble.author is not Author.CUSTOMER:
            self._set_typing(customer, None)

    def bubble(self, customer: Customer, bubble_id: str) -> Bubble:
        """Raises Declined when it is not in this chat, or the customer took it back."""
        bubble = customer.bubbles.get(bubble_id)
        if bubble is None:
            raise Declined(404, "not_found", "There is no such message in this chat.")
        if bubble.deleted:
            raise Declined(409, "deleted", "This message was deleted.")
        return bubble

    def change(self, customer: Customer, bubble: Bubble) -> None:
        """Put a changed bubble in its old place; one already forgotten is no fault."""
        if bubble.id in customer.bubbles:
            customer.bubbles[bubble.id] = bubble
            self._publish_bubble(customer, bubble)

    def mark(self, customer: Customer, bubble_id: str, tick: Tick, note: str = "") -> None:
        """Change a bubble's tick and note."""
        bubble = customer.bubbles.get(bubble_id)
        if bubble is not None:
            self.change(customer, replace(bubble, tick=tick, note=note))

    def note(self, customer: Customer, bubble_id: str, note: str) -> None:
        """Change a bubble's note; an unchanged one is not published."""
        bubble = customer.bubbles.get(bubble_id)
        if bubble is not None and bubble.note != note:
            self.change(customer, replace(bubble, note=note))

    def expect_reply(self, customer: Customer, bubble_id: str) -> None:
        """Show "typing", unless the reply was quicker than the webhook's answer."""
        later = list(customer.bubbles)[::-1]
        answered = any(
            customer.bubbles[each].author is not Author.CUSTOMER
            for each in later[: later.index(bubble_id) if bubble_id in later else 0]
        )
        if not answered:
            self._set_typing(customer, now() + TYPING_AT_MOST)

    def json(self) -> list[Json]:
        return [
            _customer_json(customer)
            | {"bubbles": [_bubble_json(bubble) for bubble in customer.bubbles.values()]}
            for customer in self._customers.values()
        ]

    def _set_typing(self, customer: Customer, until: datetime | None) -> None:
        if customer.typing_until is None and until is None:
            return
        customer.typing_until = until
        self._feed.publish("typing", _customer_json(customer))

    def _publish_bubble(self, customer: Customer, bubble: Bubble) -> None:
        data = {"address": customer.address, "bubble": _bubble_json(bubble)}
        self._feed.publish("bubble", data)


def _customer_json(customer: Customer) -> dict[str, object]:
    typing_s = 0.0
    if customer.typing_until is not None:
        typing_s = max(0.0, (customer.typing_until - now()).total_seconds())
    return {"address": customer.address, "name": customer.name, "typing_s": typing_s}


def _bubble_json(bubble: Bubble) -> Json:
    quoted = None
    if bubble.quoted_id is not None:
        quoted = {"id": bubble.quoted_id, "text": bubble.quoted_text}
    return {
        "id": bubble.id,
        "author": bubble.author,
        "kind": bubble.kind,
        "text": bubble.text,
        "content": None if bubble.content is None else bubble.content.json(),
        "at": stamp(bubble.at),
        "tick": bubble.tick,
        "note": bubble.note,
        "quoted": quoted,
        "reaction": bubble.reaction,
        "edited": bubble.edited,
        "deleted": bubble.deleted,
    }
