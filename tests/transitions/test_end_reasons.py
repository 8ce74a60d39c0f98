"""Every way for an event to end: in one state, with one reason of the documented set.

The table is the whole of it: a reason that no scene reaches is not needed, one that is not in the
set is not clear to whoever asks `bot why`.
"""

import json
from collections.abc import Awaitable, Callable, Container
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select

from bot.adapters.db.contact_book import ContactBook
from bot.adapters.db.schema import events
from bot.adapters.db.store import Store
from bot.adapters.mossmoon import parse
from bot.domain.contact import contact_key
from bot.domain.decide import Duty, decide
from bot.domain.event import EndReason, ProviderEvent
from bot.domain.inbox import Audience, file_event
from bot.domain.media import MediaWork, Problem, Reading
from bot.domain.notice import Roster
from bot.domain.outbox import Sent
from bot.domain.people import Decision
from bot.domain.prompt import RenderedPrompt, WordRule
from bot.domain.turn import Decline, Defer, MadeBy, Opting, Reply, Say, Skip
from tests.transitions.scene import ANNA, HOUR_S, LINE, Scene, message, pause, reply, thread

R = EndReason
OLGA = "+15559990001"
PROMPT = RenderedPrompt(
    *("default", "1", "", "sorry", "only text, please"),
    opt_out=WordRule(("stop",), "goodbye"),
    opt_in=WordRule(("start",), "welcome"),
)
SENTENCE = "we are the other machine and we say this each time"


async def _blocked(scene: Scene) -> None:
    await scene.writes()
    book = ContactBook(scene.database)
    (place,) = await book.places(ANNA, LINE)
    await book.decide(place, Decision.BLOCK, "olga", None, scene.now)
    await scene.writes(text="let me in")


async def _about_the_erased(scene: Scene) -> None:
    filing = message()
    await scene.store.accept([filing], scene.now)
    book = ContactBook(scene.database)
    (place,) = await book.places(ANNA, LINE)
    await book.erase(place, "olga", scene.now)
    assert filing.message is not None
    scene.last_message_id = filing.message.provider_id
    await scene.changes("message.edited", "what I said before")


Ends = list[tuple[str, EndReason | None]]


async def _ends(scene: Scene) -> Ends:
    """State and reason of every event, in order of arrival."""
    query = select(events.c.state, events.c.reason).order_by(events.c.seq)
    rows = await scene.database.read(lambda tx: list(tx.execute(query)))
    return [(row.state, None if row.reason is None else R.of(row.reason)) for row in rows]


async def _decides(scene: Scene, conversation: str = thread(ANNA)) -> None:
    """A turn as the rules decide it; the model is asked nothing."""
    turn = await scene.takes_turn(conversation)
    match decide(turn, PROMPT, Duty(), scene.now):
        case Skip(reason):
            await scene.store.skip_turn(turn, reason, scene.now)
        case Decline(reason):
            await scene.store.decline_turn(turn, reason, scene.now)
        case Say(text, opting=opting):
            said = Reply((text,), MadeBy(), opting=opting)
            await scene.store.answer_turn(turn, said, scene.now)
        case Defer():
            pytest.fail("no hours are set")
        case _:
            await scene.store.answer_turn(turn, reply(), scene.now)


async def _files(scene: Scene, kind: str, audience: Audience, **fields: Any) -> None:
    """An event on a line that does not answer everybody."""
    number = await scene.database.read(lambda tx: len(list(tx.execute(select(events.c.id)))))
    body = {"event": kind, "id": f"evt_filed_{number}", "line_id": LINE, **fields}
    filing = file_event(parse(json.dumps(body).encode()), audience, contact_key)
    await scene.store.accept([filing], scene.now)


async def _hears(scene: Scene, audience: Audience) -> None:
    content = {"id": "msg_hi", "from": ANNA, "type": "text", "text": "hi"}
    await _files(scene, "message.received", audience, message=content)


# done


async def _answered(scene: Scene) -> None:
    await scene.answers(await scene.writes())


async def _burst(scene: Scene) -> None:
    for _ in range(3):
        await scene.writes()
    await scene.answers(thread(ANNA))


async def _answered_by_person(scene: Scene) -> None:
    await scene.store.write(await scene.writes(), ("me",), pause(), scene.now)


async def _answered_by_person_while_the_bot_writes(scene: Scene) -> None:
    turn = await scene.takes_turn(await scene.writes())
    await scene.store.write(turn.conversation_id, ("me",), pause(), scene.now)
    await scene.store.answer_turn(turn, reply(), scene.now)


async def _answered_from_the_phone(scene: Scene) -> None:
    await scene.writes()
    await scene.phone_writes("me")
    await scene.apply()


async def _stopped(scene: Scene) -> None:
    await scene.writes(text="stop")
    await _decides(scene)


async def _stopped_while_a_person_had_it(scene: Scene) -> None:
    anna = await scene.writes(text="stop")
    await scene.pauses(anna)
    event_of = await scene.database.read(
        lambda tx: tx.execute(select(events.c.message_id)).scalar()
    )
    await scene.store.hear_opting(anna, Opting.OUT, (str(event_of),), scene.now)


async def _started_again(scene: Scene) -> None:
    for text in ("stop", "is anybody there?", "start"):
        await scene.writes(text=text)
        await _decides(scene)


async def _commanded(scene: Scene) -> None:
    scene.settings(roster=Roster((OLGA,)))
    for text in ("#who", "#pause 99"):
        await scene.commands(OLGA, text)


async def _delivered(scene: Scene) -> None:
    sent = await scene.answers(await scene.writes())
    await scene.settles(sent, Sent("p1"))
    await scene.delivered("p1")
    await scene.apply()


async def _echoed(scene: Scene) -> None:
    sent = await scene.answers(await scene.writes())
    await scene.settles(sent, Sent("p1"))
    ours = {"id": "p1", "to": ANNA, "type": "text", "text": "an answer"}
    await scene.arrives("message.sent", message=ours)
    await scene.apply()


async def _changed_after_the_answer(scene: Scene) -> None:
    await scene.answers(await scene.writes())
    await scene.changes("message.edited", "better words")
    await scene.changes("message.deleted")
    await scene.apply()


async def _line_comes_and_goes(scene: Scene) -> None:
    for kind in ("line.disconnected", "line.ready"):
        await scene.arrives(kind)
    await scene.apply()


async def _somebody_else_writes(scene: Scene) -> None:
    scene.settings(foreign_messages="record")
    await scene.phone_writes("we are closed")
    await scene.apply()


# skipped


async def _handed_back(scene: Scene) -> None:
    anna = await scene.writes()
    await scene.pauses(anna)
    await scene.store.resume(anna, "olga", scene.now)


async def _handed_back_while_the_bot_writes(scene: Scene) -> None:
    turn = await scene.takes_turn(await scene.writes())
    await scene.pauses(turn.conversation_id)
    await scene.store.resume(turn.conversation_id, "olga", scene.now)
    await scene.store.answer_turn(turn, reply(), scene.now)


async def _handed_back_while_the_bot_looks_at_its_hours(scene: Scene) -> None:
    turn = await scene.takes_turn(await scene.writes())
    await scene.pauses(turn.conversation_id)
    await scene.store.resume(turn.conversation_id, "olga", scene.now)
    later = scene.now + timedelta(hours=1)
    await scene.store.defer_turn(turn, later, None, scene.now)


async def _everything_handed_back(scene: Scene) -> None:
    await scene.writes()
    await scene.store.pause_scope(None, pause(), scene.now)
    await scene.store.resume_scope(None, "olga", scene.now)


async def _too_old(scene: Scene) -> None:
    await scene.writes()
    scene.at(13 * HOUR_S)
    await _decides(scene)


async def _too_many_replies(scene: Scene) -> None:
    scene.settings(replies_per_hour=1)
    await scene.settles(await scene.answers(await scene.writes()), Sent("p1"))
    scene.pass_time(1)
    await scene.writes()
    await _decides(scene)


async def _too_dear(scene: Scene) -> None:
    scene.settings(cost_per_day=1.0)
    made = MadeBy(tokens_in=1, tokens_out=1, cost=2.0)
    turn = await scene.takes_turn(await scene.writes())
    _, sent = await scene.store.answer_turn(turn, Reply(("an answer",), made), scene.now)
    assert sent is not None
    await scene.settles(sent, Sent("p1"))
    await scene.writes()
    await _decides(scene)


async def _a_machine(scene: Scene) -> None:
    for number in range(4):
        scene.pass_time(60)
        await scene.writes(text=SENTENCE)
        await _decides(scene)
        if number < 3:
            await _arrived(scene, f"p{number}")


async def _arrived(scene: Scene, provider_id: str) -> None:
    """What is on its way is on the customer's phone."""
    await scene.delivered(provider_id)
    await scene.apply()


async def _a_flood(scene: Scene) -> None:
    for _ in range(61):
        await scene.writes()
    await _decides(scene)


async def _wordless_twice(scene: Scene) -> None:
    await scene.writes(text="", type="poll")
    await _decides(scene)
    await _arrived(scene, "p1")
    await scene.writes(text="", type="poll")
    await _decides(scene)


async def _taken_back_before_the_answer(scene: Scene) -> None:
    anna = await scene.writes()
    await scene.changes("message.deleted")
    await scene.apply()
    await scene.store.claim_turn(anna, scene.now)


async def _a_reaction(scene: Scene) -> None:
    await scene.writes(type="reaction", reaction={"emoji": "👍", "message_id": "p1"})


async def _not_listed(scene: Scene) -> None:
    await _hears(scene, Audience("nobody"))
    change = {"id": "msg_hi", "from": ANNA, "text": "hello"}
    await _files(scene, "message.edited", Audience("nobody"), message=change)


async def _not_listed_any_more(scene: Scene) -> None:
    await scene.writes()
    scene.settings(audience=lambda _line: Audience("nobody"))
    await _decides(scene)


async def _in_a_group(scene: Scene) -> None:
    content = {"id": "msg_1", "from": ANNA, "type": "text", "text": "hi", "group_id": "g1"}
    await scene.arrives("message.received", message=content)
    await scene.arrives("message.delivered", message={"id": "p1", "to": "12@g.us"})


async def _our_own_number(scene: Scene) -> None:
    own = Audience(own=frozenset({contact_key(ANNA)}))
    await _hears(scene, own)
    await _files(scene, "message.delivered", own, message={"id": "p1", "to": ANNA})


async def _twice(scene: Scene) -> None:
    first, second = message(), message()
    assert first.message is not None
    again = replace(second, message=first.message)
    await scene.answers((await _accepted(scene, first, again))[0])


async def _accepted(scene: Scene, *filings: Any) -> list[str]:
    return sorted((await scene.store.accept(list(filings), scene.now)).wake)


async def _an_operators_odd_messages(scene: Scene) -> None:
    """What was a command when it came, and is none when it is looked at."""
    scene.settings(roster=Roster((OLGA,)))
    await scene.commands(OLGA, "#who", id="cmd_once")
    await scene.commands(OLGA, "#who", id="cmd_once")
    await scene.commands(OLGA, "", type="reaction", reaction={"emoji": "👍", "message_id": "p1"})
    scene.settings(roster=Roster())
    await _command_of_nobody(scene, frozenset({contact_key(OLGA)}))


async def _command_of_nobody(scene: Scene, operators: Container[str]) -> None:
    content = {"id": "cmd_late", "from": OLGA, "type": "text", "text": "#who"}
    await _files(scene, "message.received", Audience(operators=operators), message=content)
    await scene.apply()


async def _to_an_operator(scene: Scene) -> None:
    scene.settings(roster=Roster((contact_key(OLGA),)))
    await scene.phone_writes("call me", OLGA)
    await scene.apply()


async def _not_to_be_known(scene: Scene) -> None:
    scene.settings(foreign_messages="ignore")
    await scene.phone_writes("we are closed")
    await scene.apply()


async def _about_nothing(scene: Scene) -> None:
    await scene.arrives("message.deleted", message={"id": "msg_never", "from": ANNA})
    await scene.apply()
    scene.pass_time(6)
    await scene.apply()


async def _a_new_kind(scene: Scene) -> None:
    await scene.arrives("call.started")


# dead


async def _no_reply(scene: Scene) -> None:
    turn = await scene.takes_turn(await scene.writes())
    await scene.store.fail_turn(turn, "400", reply("sorry"), scene.now, final=True)


async def _no_file(scene: Scene) -> None:
    conversation, media_id = await scene.sends_voice()
    work = await scene.store.claim_media(media_id, scene.now)
    assert isinstance(work, MediaWork)
    wrong = Reading(Problem.WRONG_HASH, "not the announced bytes")
    await scene.store.finish_media(work, wrong, timedelta(0), scene.now)
    await scene.writes(text="did you hear?")
    await scene.answers(conversation)


async def _put_away(scene: Scene) -> None:
    await _no_reply(scene)
    await scene.store.drop_event(await scene.event_id(thread(ANNA)), "olga", scene.now)


async def _odd(scene: Scene) -> None:
    await scene.arrives("message.received", message={"type": "text"})
    await scene.store.bury(b"{", "not JSON", scene.now)


async def _a_fault_of_ours(scene: Scene) -> None:
    await scene.arrives("line.ready")
    broken = Store(scene.database, scene.policy, _breaks, contact_key)
    await broken.apply_events(scene.now)


def _breaks(_raw: bytes) -> ProviderEvent:
    raise ZeroDivisionError


DONE_BY_BOT = ("done", R.ANSWERED)
WAYS: dict[Callable[[Scene], Awaitable[None]], Ends] = {
    _answered: [DONE_BY_BOT],
    _burst: [("done", R.MERGED), ("done", R.MERGED), DONE_BY_BOT],
    _answered_by_person: [("done", R.BY_PERSON)],
    _answered_by_person_while_the_bot_writes: [("done", R.BY_PERSON)],
    _answered_from_the_phone: [("done", R.BY_PERSON), ("done", R.TAKEN_OVER)],
    _stopped: [("done", R.OPTED_OUT)],
    _stopped_while_a_person_had_it: [("done", R.OPTED_OUT)],
    _started_again: [("done", R.OPTED_OUT), ("skipped", R.OPTED_OUT), ("done", R.OPTED_IN)],
    _commanded: [("done", R.OPERATOR), ("done", R.OPERATOR)],
    _delivered: [DONE_BY_BOT, ("done", R.DELIVERY)],
    _echoed: [DONE_BY_BOT, ("done", R.ECHO)],
    _changed_after_the_answer: [DONE_BY_BOT, ("done", R.CHANGE), ("done", R.DELETION)],
    _line_comes_and_goes: [("done", R.LINE_DISCONNECTED), ("done", R.LINE_READY)],
    _somebody_else_writes: [("done", R.RECORDED)],
    _handed_back: [("skipped", R.PAUSED)],
    _handed_back_while_the_bot_writes: [("skipped", R.PAUSED)],
    _handed_back_while_the_bot_looks_at_its_hours: [("skipped", R.PAUSED)],
    _everything_handed_back: [("skipped", R.PAUSED)],
    _too_old: [("skipped", R.STALE)],
    _too_many_replies: [DONE_BY_BOT, ("skipped", R.OVER_LIMIT)],
    _too_dear: [DONE_BY_BOT, ("skipped", R.OVER_LIMIT)],
    _a_machine: [*[DONE_BY_BOT, ("done", R.DELIVERY)] * 3, ("skipped", R.LOOP)],
    _a_flood: [("skipped", R.FLOOD)] * 61,
    _wordless_twice: [DONE_BY_BOT, ("done", R.DELIVERY), ("skipped", R.UNSUPPORTED)],
    _taken_back_before_the_answer: [("skipped", R.DELETED), ("done", R.DELETION)],
    _put_away: [("skipped", R.DROPPED)],
    _a_reaction: [("skipped", R.REACTION)],
    _not_listed: [("skipped", R.EXCLUDED), ("skipped", R.EXCLUDED)],
    _not_listed_any_more: [("skipped", R.EXCLUDED)],
    _blocked: [("skipped", R.BLOCKED), ("skipped", R.BLOCKED)],
    _about_the_erased: [("skipped", R.ERASED)],
    _in_a_group: [("skipped", R.GROUP), ("skipped", R.GROUP)],
    _our_own_number: [("skipped", R.OWN_NUMBER), ("skipped", R.OWN_NUMBER)],
    _twice: [DONE_BY_BOT, ("skipped", R.DUPLICATE)],
    _an_operators_odd_messages: [
        ("done", R.OPERATOR),
        ("skipped", R.DUPLICATE),
        ("skipped", R.REACTION),
        ("skipped", R.NOT_OPERATOR),
    ],
    _to_an_operator: [("skipped", R.TO_OPERATOR)],
    _not_to_be_known: [("skipped", R.NOT_OURS)],
    _about_nothing: [("skipped", R.UNKNOWN_MESSAGE)],
    _a_new_kind: [("skipped", R.NOT_ACTED_ON)],
    _no_reply: [("dead", R.NO_REPLY)],
    _no_file: [("dead", R.NO_FILE), DONE_BY_BOT],
    _odd: [("dead", R.UNREADABLE), ("dead", R.UNREADABLE)],
    _a_fault_of_ours: [("dead", R.NOT_APPLIED)],
}


@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.__name__.strip("_"))
async def test_every_way_ends_in_one_state_with_a_reason_of_the_set(
    scene: Scene, way: Callable[[Scene], Awaitable[None]]
) -> None:
    await way(scene)
    assert await _ends(scene) == WAYS[way]


def test_every_reason_of_the_set_has_a_way_to_it() -> None:
    assert {reason for ends in WAYS.values() for _, reason in ends} == set(EndReason)


def test_a_reason_is_told_by_the_most_of_its_words() -> None:
    assert EndReason.of("answered by a person") is EndReason.BY_PERSON
    assert EndReason.of("answered by re_1") is EndReason.ANSWERED
    assert EndReason.of("because") is None


async def test_all_of_a_burst_but_its_last_say_into_what_they_were_merged(scene: Scene) -> None:
    anna = await scene.writes()
    await scene.writes()
    turn = await scene.takes_turn(anna)
    await scene.store.answer_turn(turn, reply(), scene.now)
    (sent,) = await scene.outbound(anna)
    merged = f"merged into {turn.waiting[-1].id}, answered by {sent.id}"
    assert await scene.inbox(anna) == [("done", merged), ("done", f"answered by {sent.id}")]


async def test_a_reply_that_was_replaced_names_the_one_in_its_place(scene: Scene) -> None:
    anna = await scene.writes()
    await scene.arrives("line.disconnected")
    await scene.apply()
    await scene.stores(anna)
    await scene.writes()
    turn = await scene.takes_turn(anna)
    await scene.store.answer_turn(turn, replace(reply(), has_seen_all=True), scene.now)
    first, second = await scene.outbound(anna)
    assert first.error == f"replaced by an answer that has seen newer messages: {second.id}"
