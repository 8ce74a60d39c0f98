"""The stand-in line: what a real one does between customers' phones and the product.

The shapes of its webhooks are the provider's, or, where those are unknown, the assumed defaults.
"""

from collections import OrderedDict
from collections.abc import Callable
from datetime import timedelta
from enum import StrEnum

from bot.sandbox.chats import Author, Bubble, Chats, Customer, Tick
from bot.sandbox.courier import Acknowledged, Courier, GaveUp, Report, Retrying
from bot.sandbox.feed import Feed
from bot.sandbox.values import TEXT_LIMIT, Declined, Json, new_id, now, stamp

DELIVERED_AFTER = timedelta(milliseconds=300)
RETRY_AFTER_S = 10
MAX_KEYS = 5_000
MAX_HELD = 1_000


class LineState(StrEnum):
    """What the developer has switched the line to."""

    READY = "ready"
    DISCONNECTED = "disconnected"
    """Sends answer 409; customers' messages wait for the line to come back."""
    LIMITED = "limited"
    """Ready, but every send answers 429."""


def _ignore(_: Report) -> None:
    pass


class Line:
    """One line with its customers; all methods return at once."""

    def __init__(self, line_id: str, chats: Chats, courier: Courier, feed: Feed) -> None:
        self.id = line_id
        self.state = LineState.READY
        self._chats = chats
        self._courier = courier
        self._feed = feed
        self._sent: OrderedDict[str, str] = OrderedDict()
        """Message ids by idempotency key, the oldest first."""
        self._held: list[tuple[Json, Callable[[Report], None]]] = []

    def announce(self) -> None:
        """Tell the product which state the line is in."""
        name = "line.disconnected" if self.state is LineState.DISCONNECTED else "line.ready"
        self._courier.post(self._event(name, {}), _ignore)

    def switch(self, state: LineState) -> None:
        """Change the state; only coming and going is told to the product."""
        before, self.state = self.state, state
        gone = LineState.DISCONNECTED
        if (before is gone) != (state is gone):
            self.announce()
        if state is not gone:
            self._release()
        self._feed.publish("line", {"state": state})

    def customer_writes(self, address: str, text: str, quoted_id: str | None) -> Bubble:
        """A customer sends a message, maybe as a reply to one in the same chat."""
        customer = self._chats.get(address)
        quoted = None if quoted_id is None else customer.bubbles.get(quoted_id)
        if quoted_id is not None and quoted is None:
            raise Declined(404, "not_found", "The quoted message is not in this chat.")
        bubble = Bubble(
            id=new_id("msg"),
            author=Author.CUSTOMER,
            text=text,
            at=now(),
            tick=Tick.SENT,
            quoted_id=quoted_id,
            quoted_text="" if quoted is None else quoted.text,
        )
        self._chats.show(customer, bubble)
        self._emit(self._received(customer, bubble), self._ticker(customer, bubble.id))
        return bubble

    def accept(self, to: str, text: str, key: str | None) -> str:
        """The product sends a message: its id, the same for the same idempotency key."""
        if key is not None and key in self._sent:
            return self._sent[key]
        self._must_be_able_to_send()
        if len(text) > TEXT_LIMIT:
            raise Declined(422, "text_too_long", f"A text has at most {TEXT_LIMIT} characters.")
        customer = self._chats.get_or_add(to)
        bubble = Bubble(id=new_id("msg"), author=Author.SHOP, text=text, at=now())
        self._chats.show(customer, bubble)
        self._remember(key, bubble.id)
        self._emit(self._delivered(customer, bubble), _ignore, after=DELIVERED_AFTER)
        return bubble.id

    def person_writes(self, address: str, text: str, *, tell_text: bool) -> Bubble:
        """Somebody types on the shop's own phone: an id that the product never saw."""
        customer = self._chats.get(address)
        bubble = Bubble(id=new_id("msg"), author=Author.PERSON, text=text, at=now())
        self._chats.show(customer, bubble)
        if tell_text:
            self._emit(self._typed(customer, bubble), _ignore)
        self._emit(self._delivered(customer, bubble), _ignore, after=DELIVERED_AFTER)
        return bubble

    def _must_be_able_to_send(self) -> None:
        if self.state is LineState.DISCONNECTED:
            raise Declined(409, "line_not_ready", "The line is not connected.")
        if self.state is LineState.LIMITED:
            text = "The line has reached its limit for now."
            raise Declined(429, "rate_limited", text, RETRY_AFTER_S)

    def _remember(self, key: str | None, message_id: str) -> None:
        if key is None:
            return
        self._sent[key] = message_id
        if len(self._sent) > MAX_KEYS:
            self._sent.popitem(last=False)

    def _emit(
        self, event: Json, report: Callable[[Report], None], after: timedelta = timedelta()
    ) -> None:
        if self.state is not LineState.DISCONNECTED:
            self._courier.post(event, report, after)
        elif len(self._held) < MAX_HELD:
            self._held.append((event, report))
        else:
            report(GaveUp("too much waits for the line"))

    def _release(self) -> None:
        held, self._held = self._held, []
        for event, report in held:
            self._courier.post(event, report)

    def _ticker(self, customer: Customer, bubble_id: str) -> Callable[[Report], None]:
        def report(result: Report) -> None:
            match result:
                case Acknowledged():
                    self._chats.mark(customer, bubble_id, Tick.DELIVERED)
                    self._chats.expect_reply(customer, bubble_id)
                case Retrying(why):
                    self._chats.mark(customer, bubble_id, Tick.SENT, f"{why}: trying again")
                case GaveUp(why):
                    self._chats.mark(customer, bubble_id, Tick.FAILED, f"{why}: given up")

        return report

    def _event(self, name: str, fields: Json) -> Json:
        return {"event": name, "id": new_id("evt"), "line_id": self.id, **fields}

    def _received(self, customer: Customer, bubble: Bubble) -> Json:
        message: dict[str, object] = {
            "id": bubble.id,
            "from": customer.address,
            "type": "text",
            "text": bubble.text,
            "profile_name": customer.name,
            "received_at": stamp(bubble.at),
        }
        if bubble.quoted_id is not None:
            message["quoted"] = {"id": bubble.quoted_id, "text": bubble.quoted_text}
        return self._event("message.received", {"message": message})

    def _delivered(self, customer: Customer, bubble: Bubble) -> Json:
        message = {"id": bubble.id, "to": customer.address}
        fields = {"message": message, "delivered_at": stamp(now())}
        return self._event("message.delivered", fields)

    def _typed(self, customer: Customer, bubble: Bubble) -> Json:
        message = {
            "id": bubble.id,
            "to": customer.address,
            "type": "text",
            "text": bubble.text,
            "sent_at": stamp(bubble.at),
        }
        return self._event("message.sent", {"message": message})
