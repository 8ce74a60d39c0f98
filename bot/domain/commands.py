"""What operators write to the line: words for a customer, or a command that begins with `#`.

They type on phones, so capitals, blanks, full-width signs and a stray full stop are put up with.
Whatever else is not understood completely is not done at all.
"""

import re
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta

from bot.domain.command_help import no_addressee, no_command, no_conversation, no_text, shown
from bot.domain.contact import contact_key
from bot.domain.lengths import Length, read_length


@dataclass(frozen=True, slots=True)
class Target:
    """The conversation that is meant; exactly one of the two is set."""

    number: int | None = None
    """Its short number in notices, from 1 on."""
    address: str | None = field(default=None, repr=False)
    """A phone number, as `contact_key` gives it."""


@dataclass(frozen=True, slots=True)
class Who:
    """Tell who is waiting."""


@dataclass(frozen=True, slots=True)
class Help:
    """Tell what can be written."""


@dataclass(frozen=True, slots=True)
class Write:
    """Send these words to the customer, as they are."""

    target: Target
    text: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class PauseOne:
    """Silence the bot in a conversation."""

    target: Target
    length: Length


@dataclass(frozen=True, slots=True)
class PauseAll:
    """Silence the bot altogether."""

    length: Length


@dataclass(frozen=True, slots=True)
class ResumeOne:
    """Give a conversation back; `answer`: the bot answers what was written meanwhile."""

    target: Target
    answer: bool


@dataclass(frozen=True, slots=True)
class ResumeAll:
    """The same for everything."""

    answer: bool


@dataclass(frozen=True, slots=True)
class Mute:
    """No notices to this operator; None: until `#unmute`."""

    length: timedelta | None


@dataclass(frozen=True, slots=True)
class Unmute:
    """Notices to this operator again."""


@dataclass(frozen=True, slots=True)
class Attend:
    """The conversation is looked after, nothing is left to do."""

    target: Target


@dataclass(frozen=True, slots=True)
class Misunderstood:
    """Nothing is to be done but to say why: what was not understood, and what to write instead."""

    why: str = field(repr=False)
    """A line or two for the operator, fit to be sent."""


Command = (
    Who
    | Help
    | Write
    | PauseOne
    | PauseAll
    | ResumeOne
    | ResumeAll
    | Mute
    | Unmute
    | Attend
    | Misunderstood
)

_Reader = Callable[[list[str], int | None], Command]
"""Of the words after a command's name, and the quoted conversation. Raises _Unclear."""


class _Unclear(Exception):
    """Its text becomes the `why` of Misunderstood."""


_RANGES = (0, 9), (14, 32), (127, 160), (0x200B, 0x2010), (0x202A, 0x202F), (0x2060, 0x2070)
_SINGLE = "\xad\u061c\u180e\ufeff"
_UNSEEN = _SINGLE + "".join(chr(code) for codes in _RANGES for code in range(*codes))
"""Characters that take no room: copied phone numbers and some keyboards bring them along."""
_BLANK = re.compile(rf"[\s{re.escape(_UNSEEN)}]*")
_BEGIN = re.compile(rf"{_BLANK.pattern}[#＃﹟]")
_DASHES = "-－‐‑–—−"
_ADDRESSED = re.compile(
    # A dash at the beginning of the next line is the text's: a list.
    rf"{_BLANK.pattern}(\S+?)(?:[{_DASHES}:：.．]|[^\S\r\n]+[{_DASHES}:：])?(?=\s|\Z)"
)
_SIGNS = {"#": "＃﹟", "+": "＋", "-": _DASHES, ".": "．。", ",": "，", ":": "：", "?": "？"}
_ALIKE = {ord(sign): plain for plain, signs in _SIGNS.items() for sign in signs}
_NUMBER = re.compile(r"[0-9]{1,9}")
_PHONE = re.compile(r"\+[0-9().-]+")


def read_command(text: str, quoted: int | None) -> Command:
    """What an operator wants. Never raises.

    `quoted`: the number of the conversation whose notice this replies to; None: to none of them.
    """
    begin = _BEGIN.match(text)
    if begin is None:
        return _read_words(text, quoted)
    try:
        return _read_marked(text[begin.end() :], quoted)
    except _Unclear as unclear:
        return Misunderstood(str(unclear))


def _read_words(text: str, quoted: int | None) -> Command:
    if quoted is None or _is_blank(text):
        return Help()
    return Write(Target(number=quoted), text.strip())


def _read_marked(rest: str, quoted: int | None) -> Command:
    """What stands after the `#`."""
    if _is_blank(rest):
        raise _Unclear("`#` alone says nothing. Write `#help` to see what can follow it.")
    name, *given = [_word(word) for word in rest.split() if not _is_blank(word)]
    if name in _READERS:
        return _READERS[name](given, quoted)
    if name[0].isalpha():
        raise _Unclear(no_command(name, [word for word in _READERS if word.isalpha()]))
    return _read_addressed(rest)


def _read_addressed(rest: str) -> Write:
    """`3 hello`, `3: hello`, `3 - hello`, and with a phone number."""
    addressed = _ADDRESSED.match(rest)
    head = _folded(addressed[1] if addressed else rest)
    target = _target(head)
    if addressed is None or target is None:
        raise _Unclear(no_addressee(head))
    text = rest[addressed.end() :].strip()
    if _is_blank(text):
        raise _Unclear(no_text(head))
    return Write(target, text)


def _only(name: str, command: Command) -> _Reader:
    """A reader of a command that nothing may follow."""

    def read(given: list[str], _: int | None) -> Command:
        _end(name, given)
        return command

    return read


def _read_pause(given: list[str], quoted: int | None) -> PauseOne | PauseAll:
    if given[:1] == ["all"]:
        return PauseAll(_pause_length(given[1:]))
    target, rest = _whom(given, quoted, "#pause 3", "#pause 3 2h", "#pause all")
    return PauseOne(target, _pause_length(rest))


def _read_resume(given: list[str], quoted: int | None) -> ResumeOne | ResumeAll:
    if given[:1] == ["all"]:
        return ResumeAll(_answer("#resume all", given[1:]))
    target, rest = _whom(given, quoted, "#resume 3", "#resume all")
    return ResumeOne(target, _answer("#resume 3", rest))


def _read_done(given: list[str], quoted: int | None) -> Attend:
    target, rest = _whom(given, quoted, "#done 3")
    _end("#done 3", rest)
    return Attend(target)


def _read_mute(given: list[str], _: int | None) -> Mute | Unmute:
    if given == ["off"]:
        return Unmute()
    return Mute(_time(given) if given else None)


_READERS: dict[str, _Reader] = {
    "help": _only("#help", Help()),
    "?": _only("#help", Help()),
    "who": _only("#who", Who()),
    "pause": _read_pause,
    "resume": _read_resume,
    "done": _read_done,
    "mute": _read_mute,
    "unmute": _only("#unmute", Unmute()),
}


def _whom(given: list[str], quoted: int | None, *examples: str) -> tuple[Target, list[str]]:
    """The conversation that a command is about, and the words that remain."""
    # `10 min` is no time for conversation 10, but one for the quoted conversation.
    target = None if not given or _is_time(given) else _target(given[0])
    if target is not None:
        return target, given[1:]
    if quoted is None:
        raise _Unclear(no_conversation(examples, given))
    return Target(number=quoted), given


def _target(word: str) -> Target | None:
    """`3`, `#3` or `+34600111222`, perhaps with `-.()` in it; None: neither."""
    word = word.removeprefix("#")
    if _NUMBER.fullmatch(word):
        return Target(number=int(word)) if int(word) else None
    digits = re.sub(r"[^0-9]+", "", word)
    if _PHONE.fullmatch(word) and 7 <= len(digits) <= 15:
        return Target(address=contact_key(f"+{digits}"))
    return None


def _pause_length(words: list[str]) -> Length:
    return _time(words) if words else "default"


def _time(words: list[str]) -> timedelta | None:
    try:
        return read_length(" ".join(words).removeprefix("for "))
    except ValueError as error:
        raise _Unclear(f"{shown(*words)} is not understood as a time: {error}.") from None


def _is_time(words: list[str]) -> bool:
    with suppress(_Unclear):
        _time(words)
        return True
    return False


def _answer(before: str, words: list[str]) -> bool:
    if words == ["answer"]:
        return True
    _end(f"{before}` or `{before} answer", words)
    return False


def _end(command: str, rest: list[str]) -> None:
    if rest:
        raise _Unclear(
            f"{shown(*rest)} is not understood. Write only `{command}`, nothing after it."
        )


def _word(word: str) -> str:
    folded = _folded(word)
    return folded.rstrip(".,:!") or folded


def _folded(word: str) -> str:
    return word.strip(_UNSEEN).translate(_ALIKE).lower()


def _is_blank(text: str) -> bool:
    return _BLANK.fullmatch(text) is not None
