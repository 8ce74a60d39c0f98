"""Who handles a conversation, as the audit log tells it: every change, by whom and why."""

from enum import StrEnum

BOT = "bot"
CUSTOMER = "customer"
PHONE = "phone"
"""Somebody at the phone that the line is linked to."""
TIMER = "timer"
BREAKER = "breaker"


class Action(StrEnum):
    """What was done."""

    PAUSED = "paused"
    """A person has it; `until` None: until somebody resumes."""
    RESUMED = "resumed"
    ANSWERED = "answered"
    """A person wrote to the customer."""
    ATTENTION = "attention"
    """A person is needed, though nobody has taken over."""
    ATTENDED = "attended"
    REMINDED = "reminded"
    """The pause was over, the customer waited, and people were told again."""
    OPTED_OUT = "opted_out"
    OPTED_IN = "opted_in"
    REPLAYED = "replayed"
    """An event got another try; the reason is its id."""
    DROPPED = "dropped"
    """A dead letter, or a draft of the bot's, was put away; the reason is its id."""
    MUTED = "muted"
    UNMUTED = "unmuted"
    PUBLISHED = "published"
    """A prompt went live although its tests have not passed; the reason says which."""
