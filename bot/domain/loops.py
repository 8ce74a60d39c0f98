"""Whether the other side is a machine or a flood, by signals that cost next to nothing.

Two bots that answer each other go on for ever. Nothing here proves anything: a signal needs to be
seen several times, lately, each time after a reply of the bot's. So every suspicion ends by itself.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from difflib import SequenceMatcher
from functools import cached_property

from bot.domain.entry import Entry
from bot.domain.event import EndReason
from bot.domain.keywords import bare

SAME_WORDS = f"{EndReason.LOOP} the same words again and again"
TOO_FAST = f"{EndReason.LOOP} answers faster than a person types"
AUTOMATIC = f"{EndReason.LOOP} an automatic reply"
FLOOD = f"{EndReason.FLOOD} too many messages"

_LATELY = timedelta(minutes=10)
"""For floods and speed; words are remembered for an hour."""
_HOUR = timedelta(hours=1)
_AT_ONCE = timedelta(seconds=10)
_FASTER_THAN_TYPING = timedelta(seconds=2)
_TYPED = 12
"""Characters. Less is written, or tapped, in no time: `yes, please`."""
_FAST_ROUNDS = 12
_SENTENCE = 20
"""Characters. What is shorter comes again by itself: yes, ok, hello."""
_SAME_TIMES = 4
_ALIKE_TIMES = 5
"""The same ones included."""
_NUMBERED_TIMES = 12
"""Numbers alone differ: orders, articles, anything that is counted. Includes both others."""
_SHORT_TIMES = 6
"""In a row."""
_ALIKE = 0.9
_MENU_LINES = 3
_COMPARED = 300
"""Characters of a text that are looked at."""
_UNITS = 60
"""Words of it: comparing takes their square. From 200 on difflib passes over frequent ones."""
_ROUNDS = 14
_PER_ROUND = 2
"""Messages of a round that are compared, the newest."""

_WORDLESS = frozenset({"location", "contact"})
"""Their text is not said: three places differ in digits alone."""
_SPOKEN = frozenset({"text", "voice"})
_UNIT = re.compile(r"[\u0e00-\u0e7f\u3040-\u30ff\u3400-\u9fff]|\w+")
"""A word, or a character of a script without spaces."""
_DIGITS = re.compile(r"\d+")
_MENU_LINE = re.compile(
    r"^[ \t]*[*_\[(]{0,2}\d{1,2}(?:\ufe0f?\u20e3|[*_ \t]{0,3}[.)\]:–—-](?!\d))", re.MULTILINE
)
# Both as `bare` leaves them. Titles count at the beginning only: people ask bots
# `is this an automatic reply?`
_TITLES = """
automatic reply | automatic response | automatic message | automated reply | automated response |
automated message | auto reply | auto-reply | autoreply | out of office | respuesta automatica |
mensaje automatico | fuera de la oficina | fuera de oficina | resposta automatica |
mensagem automatica | fora do escritorio | reponse automatique | message automatique |
absence du bureau | automatische antwort | automatische nachricht | abwesenheitsnotiz |
abwesenheitsnachricht | risposta automatica | messaggio automatico | fuori ufficio
"""
_PHRASES = """
this is an automat | we have received your message | we've received your message |
we received your message | your message has been received | thank you for contacting |
thanks for contacting | thank you for reaching out | thanks for reaching out |
we're unavailable right now | este es un mensaje automatico | esta es una respuesta automatica |
gracias por comunicarte con | gracias por comunicarse con | gracias por contactar |
gracias por escribirnos | hemos recibido tu mensaje | hemos recibido su mensaje |
en este momento no podemos responder | esta e uma mensagem automatica |
obrigado por entrar em contato | obrigada por entrar em contato |
obrigado por entrar em contacto | agradece seu contato | agradece o seu contato |
agradecemos seu contato | agradecemos o seu contato | agradecemos sua mensagem |
recebemos sua mensagem | recebemos a sua mensagem | ceci est un message automatique |
ceci est une reponse automatique | merci de nous avoir contacte | merci d'avoir contacte |
nous avons bien recu votre message | votre message a bien ete recu |
dies ist eine automatische | wir haben ihre nachricht erhalten |
ihre nachricht ist bei uns eingegangen | danke fur ihre kontaktaufnahme |
vielen dank fur ihre kontaktaufnahme | questo e un messaggio automatico |
questa e una risposta automatica | grazie per averci contattato | grazie per aver contattato |
abbiamo ricevuto il tuo messaggio | abbiamo ricevuto il suo messaggio
"""


def _any_of(phrases: str) -> str:
    return "|".join(re.escape(" ".join(phrase.split())) for phrase in phrases.split("|"))


_RESPONDER = re.compile(rf"\A(?:{_any_of(_TITLES)})\b|\b(?:{_any_of(_PHRASES)})")


@dataclass(frozen=True, slots=True)
class _Round:
    """What the customer wrote between two replies of the bot's."""

    replied_at: datetime | None
    """When the bot wrote before it, None: it did not."""
    entries: list[Entry] = field(default_factory=list)


@dataclass(frozen=True)
class _Said:
    """A message with words; what they are like is only found out when it is asked for."""

    words: str = field(repr=False)
    is_file: bool
    """The words stand beside something else, which is not looked at."""
    is_at_once: bool
    """It came within seconds of the bot's reply."""
    is_waiting: bool

    @cached_property
    def identity(self) -> tuple[str, int]:
        """Equal for the same text; of a long one, for the same beginning and length."""
        return self._start, len(self.words)

    @cached_property
    def units(self) -> list[str]:
        """To be compared with a text that may differ in a number or a word."""
        return _UNIT.findall(_DIGITS.sub("0", self._start))[:_UNITS]

    @cached_property
    def is_menu(self) -> bool:
        return len(_MENU_LINE.findall(self.words)) >= _MENU_LINES

    @cached_property
    def is_automatic(self) -> bool:
        return self.is_menu or _RESPONDER.search(bare(self.words[:_COMPARED])) is not None

    @cached_property
    def _start(self) -> str:
        return " ".join(self.words[:_COMPARED].casefold().split())


def suspect(
    past: Sequence[Entry], waiting: Sequence[Entry], now: datetime, flood_limit: int
) -> str | None:
    """Why what waits should get no answer; None: nothing speaks against one.

    `flood_limit`: so many of the customer's messages in ten minutes are fine, 0: any number.
    """
    entries = _since_a_person_wrote(past, waiting)
    if flood_limit and _written_lately(entries, now) > flood_limit:
        return FLOOD
    rounds = _rounds(entries, now)
    if sum(one.replied_at is not None for one in rounds) < 2:
        return None
    return _suspect_machine(rounds, {entry.id for entry in waiting}, now)


def _since_a_person_wrote(past: Sequence[Entry], waiting: Sequence[Entry]) -> list[Entry]:
    """In order of time: what waits may have been written before the bot's latest reply."""
    entries = sorted((*past, *waiting), key=lambda entry: entry.at)
    for index in reversed(range(len(entries))):
        if entries[index].author == "operator":
            entries = entries[index + 1 :]
            break
    return [entry for entry in entries if entry.kind != "reaction"]


def _written_lately(entries: Sequence[Entry], now: datetime) -> int:
    return sum(entry.author == "customer" and entry.at > now - _LATELY for entry in entries)


def _rounds(entries: Sequence[Entry], now: datetime) -> list[_Round]:
    """Those of the last hour in which the customer wrote, oldest first."""
    rounds = [_Round(None)]
    for entry in entries:
        if entry.at <= now - _HOUR or entry.dead or entry.deleted:
            continue
        if entry.author == "bot":
            rounds.append(_Round(entry.at))
        else:
            rounds[-1].entries.append(entry)
    return [one for one in rounds if one.entries]


def _suspect_machine(rounds: list[_Round], waiting: set[str], now: datetime) -> str | None:
    told = [_told(one, waiting) for one in rounds[-_ROUNDS:]]
    before, newest = told[:-1], [said for said in told[-1] if said.is_waiting]
    if any(_is_second_automatic(said, before) for said in newest):
        return AUTOMATIC
    if any(_is_said_again(said, before) for said in newest):
        return SAME_WORDS
    return TOO_FAST if newest and _outpaces_typing(rounds, now) else None


def _told(one: _Round, waiting: set[str]) -> list[_Said]:
    worded = [entry for entry in one.entries if _words(entry)]
    return [
        _Said(
            words=_words(entry),
            is_file=entry.kind not in _SPOKEN,
            is_at_once=_comes_within(_AT_ONCE, one, entry),
            is_waiting=entry.id in waiting,
        )
        for entry in worded[-_PER_ROUND:]
    ]


def _words(entry: Entry) -> str:
    return "" if entry.kind in _WORDLESS else entry.words.strip()


def _comes_within(time: timedelta, one: _Round, entry: Entry) -> bool:
    return one.replied_at is not None and entry.at - one.replied_at < time


def _is_second_automatic(said: _Said, before: Sequence[Sequence[_Said]]) -> bool:
    """A list alone is no menu: people order that way, and send it again with a number changed."""
    if not (said.is_at_once and said.is_automatic):
        return False
    return any(
        (earlier.is_at_once and earlier.is_automatic)
        or (earlier.is_menu and _are_alike(said.units, earlier.units))
        for one in before
        for earlier in one
    )


def _is_said_again(said: _Said, before: Sequence[Sequence[_Said]]) -> bool:
    if len(said.words) < _SENTENCE:
        return _is_said_each_time(said, before[-(_SHORT_TIMES - 1) :])
    limits = list(_limits(said, before))
    return any(
        1 + sum(each <= limit for each in limits) >= limit
        for limit in (_SAME_TIMES, _ALIKE_TIMES, _NUMBERED_TIMES)
    )


def _limits(said: _Said, before: Sequence[Sequence[_Said]]) -> Iterator[int]:
    """For each round in which it was said before: which limit, with all above it, that goes to."""
    newest = said
    for one in reversed(before):
        repeated = _find_repeated(said, newest, one)
        if repeated is not None:
            # The next is compared with this one: some texts grow.
            limit, newest = repeated
            yield limit


def _find_repeated(said: _Said, newest: _Said, one: Sequence[_Said]) -> tuple[int, _Said] | None:
    """The closest first: who says two such things at a time differs in numbers from one of them."""
    ways = (
        (_SAME_TIMES, said, _is_same),
        (_NUMBERED_TIMES, newest, _is_numbered),
        (_ALIKE_TIMES, newest, _repeats),
    )
    found = ((limit, each) for limit, later, is_it in ways for each in one if is_it(later, each))
    return next(found, None)


def _is_said_each_time(said: _Said, before: Sequence[Sequence[_Said]]) -> bool:
    is_everywhere = all(any(_is_same(said, earlier) for earlier in one) for one in before)
    return is_everywhere and len(before) == _SHORT_TIMES - 1


def _is_same(said: _Said, earlier: _Said) -> bool:
    """A file may be another one under the same words: `how much is this one?`"""
    return said.identity == earlier.identity and not said.is_file


def _is_numbered(said: _Said, earlier: _Said) -> bool:
    """Whether numbers alone tell the two apart."""
    if _is_same(said, earlier):
        return False
    return said.units == earlier.units and _repeats(said, earlier)


def _repeats(said: _Said, earlier: _Said) -> bool:
    """A person asks for one article after another in the same words, but not at once."""
    return _is_same(said, earlier) or (said.is_at_once and _are_alike(said.units, earlier.units))


def _are_alike(one: list[str], other: list[str]) -> bool:
    if one == other:
        return bool(one)
    if 2 * min(len(one), len(other)) < _ALIKE * (len(one) + len(other)):
        return False
    matcher = SequenceMatcher(None, one, other)
    return matcher.quick_ratio() >= _ALIKE and matcher.ratio() >= _ALIKE


def _outpaces_typing(rounds: list[_Round], now: datetime) -> bool:
    newest = rounds[-_FAST_ROUNDS:]
    return len(newest) == _FAST_ROUNDS and all(_is_too_fast(one, now) for one in newest)


def _is_too_fast(one: _Round, now: datetime) -> bool:
    first = one.entries[0]
    if first.at <= now - _LATELY or len(_words(first)) < _TYPED:
        return False
    return _comes_within(_FASTER_THAN_TYPING, one, first)
