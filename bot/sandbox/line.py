"""The stand-in line: what a real one does between customers' phones and the product."""

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from enum import StrEnum

from bot.sandbox import events
from bot.sandbox.chats import Author, Bubble, Chats, Customer, Tick
from bot.sandbox.contents import Content, FileKind
from bot.sandbox.courier import Acknowledged, Courier, GaveUp, Report, Retrying
from bot.sandbox.feed import Feed
from bot.sandbox.media_host import MediaHost
from bot.sandbox.values import TEXT_LIMIT, Declined, Json, new_id, now

DELIVERED_AFTER = timedelta(milliseconds=300)
RETRY_AFTER_S = 10
MAX_KEYS = 5_000
MAX_HELD = 1_000
_EDITABLE = frozenset({"text", FileKind.IMAGE, FileKind.VIDEO, FileKind.DOCUMENT})


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

    def __init__(
        self, line_id: str, chats: Chats, courier: Courier, feed: Feed, media: MediaHost
    ) -> None:
        self.id = line_id
        self.state = LineState.READY
        self._media = media
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

    def must_know(self, address: str, quoted_id: str | None) -> None:
        """Raises Declined unless there is such a customer and, if one is named, such a message."""
        customer = self._chats.get(address)
        if quoted_id is not None:
            self._chats.bubble(customer, quoted_id)

    def customer_writes(
        self, address: str, text: str, quoted_id: str | None, content: Content | None = None
    ) -> Bubble:
        """A customer sends words or something else, maybe as a reply to one in the same chat."""
        customer = self._chats.get(address)
        quoted = None if quoted_id is None else self._chats.bubble(customer, quoted_id)
        bubble = Bubble(
            id=new_id("msg"),
            author=Author.CUSTOMER,
            text=text,
            at=now(),
            tick=Tick.SENT,
            quoted_id=quoted_id,
            quoted_text="" if quoted is None else quoted.text,
            content=content,
        )
        self._chats.show(customer, bubble)
        message = events.received(customer, bubble, self._media.signed_url)
        self._emit(self._event("message.received", message), self._ticker(customer, bubble.id))
        return bubble

    def customer_reacts(self, address: str, message_id: str, emoji: str) -> Bubble:
        """A customer's emoji on any message of the chat; empty: none any more."""
        customer = self._chats.get(address)
        bubble = self._chats.bubble(customer, message_id)
        if bubble.reaction != emoji:
            bubble = replace(bubble, reaction=emoji)
            self._change("message.received", events.reacted, customer, bubble)
        return bubble

    def customer_edits(self, address: str, message_id: str, text: str) -> Bubble:
        """A customer writes other words in a message that was sent."""
        customer = self._chats.get(address)
        bubble = self._own(customer, message_id)
        if bubble.kind not in _EDITABLE:
            raise Declined(422, "no_words", "This message has no words to edit.")
        if bubble.text != text:
            bubble = replace(bubble, text=text, edited=True)
            self._change("message.edited", events.edited, customer, bubble)
        return bubble

    def customer_deletes(self, address: str, message_id: str) -> Bubble:
        """A customer takes a message back; the media host keeps its file, as phones do."""
        customer = self._chats.get(address)
        before = self._own(customer, message_id)
        bubble = replace(before, text="", content=None, reaction="", edited=False, deleted=True)
        self._change("message.deleted", events.deleted, customer, bubble)
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
        self._tell_delivered(customer, bubble)
        return bubble.id

    def person_writes(self, address: str, text: str, *, tell_text: bool) -> Bubble:
        """Somebody types on the shop's own phone: an id that the product never saw."""
        customer = self._chats.get(address)
        bubble = Bubble(id=new_id("msg"), author=Author.PERSON, text=text, at=now())
        self._chats.show(customer, bubble)
        if tell_text:
            self._emit(self._event("message.sent", events.typed(customer, bubble)), _ignore)
        self._tell_delivered(customer, bubble)
        return bubble

    def _own(self, customer: Customer, message_id: str) -> Bubble:
        bubble = self._chats.bubble(customer, message_id)
        if bubble.author is not Author.CUSTOMER:
            raise Declined(422, "not_own", "This message is not the customer's own.")
        return bubble

    def _change(
        self,
        name: str,
        shape: Callable[[Customer, Bubble], Json],
        customer: Customer,
        bubble: Bubble,
    ) -> None:
        """Show a changed bubble, and tell the product what changed."""
        self._chats.change(customer, bubble)
        self._emit(self._event(name, shape(customer, bubble)), self._noter(customer, bubble.id))

    def _tell_delivered(self, customer: Customer, bubble: Bubble) -> None:
        event = self._event("message.delivered", events.delivered(customer, bubble))
        self._emit(event, _ignore, after=DELIVERED_AFTER)

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

    def _noter(self, customer: Customer, bubble_id: str) -> Callable[[Report], None]:
        """For what changes a message: its own tick stays as it is."""

        def report(result: Report) -> None:
            match result:
                case Acknowledged():
                    self._chats.note(customer, bubble_id, "")
                case Retrying(why):
                    self._chats.note(customer, bubble_id, f"The change: {why}: trying again")
                case GaveUp(why):
                    self._chats.note(customer, bubble_id, f"The change: {why}: given up")

        return report

    def _event(self, name: str, fields: Json) -> Json:
        return {"event": name, "id": new_id("evt"), "line_id": self.id, **fields}
