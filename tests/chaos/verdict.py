"""What is judged when all is calm again: nothing lost, nothing said twice, in order, and silent."""

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import pairwise

from sqlalchemy import Connection, select

from bot.adapters.db.engine import Database
from bot.adapters.db.schema import events, messages
from tests.chaos.line import ChaosLine
from tests.chaos.record import Record, Silence, Written, serials

_LEFT_TO_PEOPLE = "reply"
_ENDED = frozenset({"skipped", "dead", _LEFT_TO_PEOPLE})
_REPLY = re.compile(r"\bre_[0-9a-f]+_\d+")


@dataclass(frozen=True, slots=True)
class Verdict:
    """Serials, but for `spoke`: keys of replies that left during a pause."""

    messages: int
    answered: int
    ended_otherwise: Mapping[str, int]
    """Without an answer, by state and reason."""
    lost: tuple[str, ...]
    """With the state that the database says they are in."""
    twice: tuple[int, ...]
    out_of_order: tuple[tuple[int, int], ...]
    spoke: tuple[str, ...]
    integrity: str
    latencies_s: tuple[float, ...]

    @property
    def is_clean(self) -> bool:
        """Whether every invariant holds."""
        wrong = (self.lost, self.twice, self.out_of_order, self.spoke)
        return not any(wrong) and self.integrity == "ok"


async def judge(record: Record, line: ChaosLine, database: Database) -> Verdict:
    """Look at what arrived on the phones and at what the database says of the rest."""
    told, ends = _told(line), await database.read(_ends)
    missing = [one for one in record.acknowledged if one.serial not in told]
    otherwise: dict[str, int] = defaultdict(int)
    lost = []
    for one in missing:
        state, reason = ends.get(one.event_ids[0], ("never stored", ""))
        if state in _ENDED and reason:
            otherwise[f"{state}: {reason}"] += 1
        else:
            lost.append(f"m{one.serial:06} of {one.customer}: {state} {reason}")
    return Verdict(
        messages=len(record.acknowledged),
        answered=len(record.acknowledged) - len(missing),
        ended_otherwise=dict(otherwise),
        lost=tuple(lost),
        twice=tuple(sorted(serial for serial, keys in told.items() if len(keys) > 1)),
        out_of_order=tuple(_out_of_order(record, line)),
        spoke=tuple(_spoke(record, line)),
        integrity=await database.read(_integrity),
        latencies_s=tuple(_latencies(record, line, told)),
    )


async def is_settled(record: Record, line: ChaosLine, database: Database) -> None:
    """Every acknowledged message is answered or has come to an end. Raises AssertionError."""
    told, ends = _told(line), await database.read(_ends)
    untold = [one for one in record.acknowledged if one.serial not in told]
    states = [ends.get(one.event_ids[0], ("", ""))[0] for one in untold]
    assert set(states) <= _ENDED


def _told(line: ChaosLine) -> dict[int, list[str]]:
    """By serial, the keys of the replies that have seen it and arrived."""
    told: dict[int, list[str]] = defaultdict(list)
    for key, (_, text, _) in list(line.texts.items()):
        for serial in serials(text):
            told[serial].append(key)
    return told


def _ends(tx: Connection) -> dict[str, tuple[str, str]]:
    """By the provider's event id: the event's state and reason, or those of its reply.

    A reply that the line refused, or whose arrival nobody knows, is shown to people.
    """
    heard = select(events.c.provider_event_id, events.c.state, events.c.reason)
    replies = tx.execute(select(messages.c.id, messages.c.status, messages.c.error))
    known = {row.id: (row.status, row.error or "") for row in replies}
    return {one: _end(state, reason or "", known) for one, state, reason in tx.execute(heard)}


def _end(state: str, reason: str, known: Mapping[str, tuple[str, str]]) -> tuple[str, str]:
    reply = _REPLY.search(reason)
    if state != "done" or reply is None or reply[0] not in known:
        return state, reason
    status, error = known[reply[0]]
    if status in ("uncertain", "failed"):
        return _LEFT_TO_PEOPLE, status
    return state, f"{reason}, which is {status} {error}"


def _integrity(tx: Connection) -> str:
    if tx.dialect.name != "sqlite":
        return "ok"  # it has been read whole
    return str(tx.exec_driver_sql("PRAGMA integrity_check").scalar_one())


def _out_of_order(record: Record, line: ChaosLine) -> Iterable[tuple[int, int]]:
    """Pairs of a customer's messages whose answers came the other way round."""
    by_customer: dict[str, list[tuple[float, int]]] = defaultdict(list)
    for to, text, at in list(line.texts.values()):
        by_customer[to] += [(at, serial) for serial in serials(text)]
    for answers in by_customer.values():
        answers.sort()
        for (answered_at, first), (at, then) in pairwise(answers):
            late = record.written[then]
            if at == answered_at:
                continue  # one reply to both
            # A voice note that nobody can hear for long does not hold up what is written after it.
            if _surely_before(late, record.written[first]) and not late.spoken:
                yield first, then


def _surely_before(one: Written, other: Written) -> bool:
    """Whether one was acknowledged before the other was even posted."""
    return one.acknowledged_at is not None and one.acknowledged_at < other.posted_at


def _spoke(record: Record, line: ChaosLine) -> Iterable[str]:
    """Attempts of the bot's that began during a pause and were not told to be on their way."""
    for silence in record.silences:
        for send in line.attempts_to(silence.customer):
            during = silence.begins < send.at < silence.ends
            if during and serials(send.text) and send.key not in silence.in_flight:
                yield send.key or "without a key"


def _latencies(record: Record, line: ChaosLine, told: Mapping[int, list[str]]) -> Iterable[float]:
    """From the acknowledgement to the arrival of the answer, where no person was in between."""
    silences: dict[str, list[Silence]] = defaultdict(list)
    for silence in record.silences:
        silences[silence.customer].append(silence)
    for one in record.acknowledged:
        asked = one.acknowledged_at
        if one.serial not in told or asked is None:
            continue
        arrived = min(line.texts[key][2] for key in told[one.serial])
        if not any(each.begins < arrived and asked < each.ends for each in silences[one.customer]):
            yield max(0.0, arrived - asked)
