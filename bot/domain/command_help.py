"""What an operator is told: what can be written to the bot, and what was not understood."""

import re
from collections.abc import Sequence

from bot.domain.suggestion import nearest
from bot.domain.untrusted import clean_line

HELP = """\
Reply to a notice: your words go to that customer.
#3 hello: sends "hello" to customer 3. The number is in the notice.
#pause 3: the bot stops answering customer 3.
#pause 3 2h: the same for two hours. Also 10m, 1d or forever.
#resume 3: the bot goes on answering customer 3.
#resume 3 answer: it also answers what came meanwhile.
#pause all, #resume all: the same for everybody.
#done 3: customer 3 is looked after, nothing is left to do.
#who: who is waiting for you.
#mute 2h: no notices to you for two hours. #unmute: send them again.
In a reply to a notice, #pause, #resume and #done need no number.
A phone number does, too: #+34600111222 hello"""

_LIKE_PHONE = re.compile(r"#?(?:\+|[0-9]{10})")
_SHOWN_MAX = 30


def no_command(name: str, known: Sequence[str]) -> str:
    """There is no such command; `known`: those that there are, without `#`."""
    meant = nearest(f"#{name[:_SHOWN_MAX]}", [f"#{word}" for word in known])
    end = "" if meant.endswith("?") else "."
    return f"{shown('#' + name)} is no command; {meant}{end} Write `#help` to see what each does."


def no_addressee(head: str) -> str:
    """Words that begin with `#` and neither a command nor a conversation."""
    return (
        f"{shown('#' + head)} names no conversation. Write its number and a blank before the text, "
        f"as in `#3 hello`.{_phone_hint(head)}"
    )


def no_text(head: str) -> str:
    """A conversation and nothing to send there."""
    return (
        f"There is nothing to send after {shown('#' + head)}. Write as in `#3 hello`, or `#help` "
        "to see what else you can do."
    )


def no_conversation(examples: Sequence[str], given: Sequence[str]) -> str:
    """A command that does not say which conversation; `examples` of such that do."""
    what = shown(*given) if given else f"`{examples[0].split()[0]}` alone"
    *first, last = [f"`{example}`" for example in examples]
    how = f"{', '.join(first)} or {last}" if first else last
    hint = _phone_hint(given[0]) if given else ""
    return f"{what} does not say which conversation. Write {how}, or reply to a notice.{hint}"


def shown(*words: str) -> str:
    """What the operator wrote, the beginning of it, fit to be sent back."""
    line = clean_line(" ".join(words), _SHOWN_MAX).replace("`", "'")
    return f"`{line or '…'}`"


def _phone_hint(word: str) -> str:
    if not _LIKE_PHONE.match(word):
        return ""
    return " A phone number begins with `+` and has no blanks: `+34600111222`."
