"""Taking over, case by case: in which state it finds the bot's work, and how both end."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import update

from bot.adapters.db.schema import conversations, lines, messages
from bot.domain.chat import HandOffCall
from bot.domain.conversation import Pause, operator_chat_id
from bot.domain.notice import Roster
from bot.domain.outbox import NotSent, Outbound, Rejected, SendOutcome, Sent, Unanswered
from bot.domain.turn import Answered, Claimed, Listening, MadeBy, Opting, Reply, Turn
from bot.domain.work import SendLater, ToSend
from bot.errors import Refused
from tests.transitions.scene import (
    ANNA,
    HOUR_S,
    LINE,
    NOT_READY,
    START,
    Scene,
    at,
    pause,
    reply,
    thread,
)

ROSA = "+15559990001"
HANGS = Unanswered("it hangs")
FAILS = NotSent("503", maybe_repeated=True)
GOODBYE = Reply(("one moment",), MadeBy(), HandOffCall("asks for a person", "human"))
CONFIRMED = Reply(("you will hear no more",), MadeBy(), opting=Opting.OUT)
CHEERS = "you will hear no more"


# The table: who comes in, and what the bot was about just then.


@dataclass
class Work:
    """What the bot has in hand as somebody comes in."""

    turn: Turn | None = None
    sending: Outbound | None = None


@dataclass(frozen=True)
class End:
    """`messages`: the bot's, a `*` marks a draft; `inbox`: the customer's; `left`: afterwards."""

    messages: tuple[str, ...]
    inbox: tuple[str, ...]
    left: tuple[str, ...] = ()


async def _waiting(scene: Scene) -> Work:
    await scene.writes()
    return Work()


async def _claimed(scene: Scene) -> Work:
    return Work(turn=await scene.takes_turn(await scene.writes()))


async def _sending(scene: Scene) -> Work:
    return Work(sending=await scene.answers(await scene.writes()))


def _settled(outcome: SendOutcome) -> Callable[[Scene], Awaitable[Work]]:
    async def settled(scene: Scene) -> Work:
        await scene.settles(await scene.answers(await scene.writes()), outcome)
        return Work()

    return settled


STATES: dict[str, Callable[[Scene], Awaitable[Work]]] = {
    "turn waiting": _waiting,
    "turn claimed": _claimed,
    "reply queued": _settled(FAILS),
    "held": _settled(NOT_READY),
    "sending": _sending,
    "unknown": _settled(HANGS),
    "sent without id": _settled(Sent(None)),
}


async def _pause(scene: Scene) -> None:
    await scene.pauses(thread(ANNA))


async def _pause_line(scene: Scene) -> None:
    await scene.store.pause_scope(LINE, pause(), scene.now)


async def _resume(scene: Scene) -> None:
    await _pause(scene)
    await scene.store.resume(thread(ANNA), "olga", scene.now)


async def _resume_to_answer(scene: Scene) -> None:
    await _pause(scene)
    await scene.store.resume(thread(ANNA), "olga", scene.now, answer=True)


async def _person_writes(scene: Scene) -> None:
    await scene.store.write(thread(ANNA), ("a person here",), pause(), scene.now)


async def _phone(scene: Scene) -> None:
    await scene.phone_writes("a person here")
    scene.pass_time(6)
    await scene.apply()


async def _human(scene: Scene) -> None:
    await scene.writes(text="human")


async def _stop(scene: Scene) -> None:
    await scene.writes(text="STOP")


COMING_IN: dict[str, Callable[[Scene], Awaitable[None]]] = {
    "pause": _pause,
    "pause of the line": _pause_line,
    "resume": _resume,
    "resume to answer": _resume_to_answer,
    "a person writes": _person_writes,
    "phone reply": _phone,
    "hand-off keyword": _human,
    "opt-out": _stop,
}


def _taken_over(inbox: str, *left: str) -> dict[str, End]:
    """What nothing of an answer has left for waits as if there had been none."""
    silenced = End(("cancelled*",), (inbox,), left)
    return {
        "reply queued": silenced,
        "held": silenced,
        "sending": silenced,
        "unknown": End(("uncertain",), ("done",), left),
        "sent without id": End(("sent",), ("done",), left),
    }


_ANEW = End(("cancelled*", "sent"), ("done",), ("anew",))
TABLE: dict[str, dict[str, End]] = {
    "pause": {
        "turn waiting": End((), ("pending",)),
        "turn claimed": End(("cancelled*",), ("pending",)),
        **_taken_over("pending"),
    },
    "pause of the line": {
        "turn waiting": End((), ("pending",)),
        "turn claimed": End(("cancelled*",), ("pending",)),
        **_taken_over("pending"),
    },
    "resume": {
        "turn waiting": End((), ("skipped: paused",)),
        "turn claimed": End(("cancelled*",), ("skipped: paused",)),
        **_taken_over("skipped: paused"),
    },
    "resume to answer": {
        "turn waiting": End(("sent",), ("done",), ("anew",)),
        "turn claimed": _ANEW,
        **_taken_over("done"),
        **dict.fromkeys(("reply queued", "held", "sending"), _ANEW),
    },
    "a person writes": {
        "turn waiting": End((), ("done: answered by a person",), ("a person here",)),
        "turn claimed": End(("cancelled*",), ("done: answered by a person",), ("a person here",)),
        **_taken_over("done: answered by a person", "a person here"),
    },
    "phone reply": {
        "turn waiting": End((), ("done: answered by a person",)),
        "turn claimed": End(("cancelled*",), ("done: answered by a person",)),
        **_taken_over("done: answered by a person"),
    },
    "hand-off keyword": {
        "turn waiting": End(("sent",), ("done", "done"), ("one moment",)),
        "turn claimed": End(("sent",), ("done", "done"), ("one moment",)),
        "reply queued": End(("cancelled*", "sent"), ("pending", "done"), ("one moment",)),
        "held": End(("cancelled*", "sent"), ("pending", "done"), ("one moment",)),
        "sending": End(("cancelled*", "sent"), ("pending", "done"), ("one moment",)),
        "unknown": End(("sent", "sent"), ("done", "done"), ("an answer", "one moment")),
        "sent without id": End(("sent", "sent"), ("done", "done"), ("one moment",)),
    },
    "opt-out": {
        "turn waiting": End(("sent",), ("done: opted out",) * 2, (CHEERS,)),
        "turn claimed": End(("sent",), ("done: opted out",) * 2, (CHEERS,)),
        "reply queued": End(("cancelled", "sent"), ("done", "done: opted out"), (CHEERS,)),
        "held": End(("cancelled", "sent"), ("done", "done: opted out"), (CHEERS,)),
        "sending": End(("cancelled", "sent"), ("done", "done: opted out"), (CHEERS,)),
        "unknown": End(("uncertain", "sent"), ("done", "done: opted out"), (CHEERS,)),
        "sent without id": End(("sent", "sent"), ("done", "done: opted out"), (CHEERS,)),
    },
}


@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("who", COMING_IN)
async def test_whoever_comes_in_finds_the_bots_work_ended_as_the_table_says(
    scene: Scene, who: str, state: str
) -> None:
    work = await STATES[state](scene)
    scene.pass_time(1)
    await COMING_IN[who](scene)
    assert await _goes_on(scene, work) == TABLE[who][state]


async def _goes_on(scene: Scene, work: Work) -> End:
    """The bot's work comes to its end; whatever may be sent then is sent."""
    if work.turn is not None:
        await scene.store.answer_turn(work.turn, reply("too late"), scene.now)
    if work.sending is not None:
        await scene.settles(work.sending, FAILS)
    left: list[str] = []
    for _ in range(3):
        scene.pass_time(30)
        left += await _attends(scene)
    return End(await _bots(scene), await _inbox(scene), tuple(left))


async def _attends(scene: Scene) -> list[str]:
    """A worker looks at the conversation: its turn, then what is to be sent; the texts of that."""
    anna = thread(ANNA)
    claim = await scene.store.claim_turn(anna, scene.now)
    first = None
    match claim:
        case Claimed(turn):
            _, first = await scene.store.answer_turn(turn, _said_to(turn), scene.now)
        case Listening() if "STOP" in [entry.text for entry in claim.waiting]:
            ids = tuple(entry.id for entry in claim.waiting)
            await scene.store.hear_opting(anna, Opting.OUT, ids, scene.now)
    await _line_is_back(scene)
    left: list[str] = []
    while True:
        if first is None:
            taken = await scene.store.claim_reply(anna, scene.now)
            if not isinstance(taken, ToSend):
                return left
            first = taken.message
        left.append(first.text)
        await scene.settles(first, Sent(f"p{scene.now.timestamp()}{len(left)}"))
        first = None


def _said_to(turn: Turn) -> Reply:
    said = {entry.text for entry in turn.waiting}
    if "human" in said:
        return GOODBYE
    return CONFIRMED if "STOP" in said else reply("anew")


async def _line_is_back(scene: Scene) -> None:
    if await scene.holds():
        await scene.arrives("line.ready")
        await scene.apply()


async def _bots(scene: Scene) -> tuple[str, ...]:
    rows = await scene.outbound(thread(ANNA))
    return tuple(row.status + "*" * row.draft for row in rows if row.author == "bot")


_BY_BOT = ("answered by re", "merged into")


async def _inbox(scene: Scene) -> tuple[str, ...]:
    """With the reason, but for what the bot answered."""
    ends = await scene.inbox(thread(ANNA))
    return tuple(
        state if reason is None or reason.startswith(_BY_BOT) else f"{state}: {reason}"
        for state, reason in ends
    )


# Each check by itself, where the one before it would have been enough.


async def _set(scene: Scene, table: Any, **values: Any) -> None:
    await scene.database.write(lambda tx: tx.execute(update(table).values(**values)))


async def _human_by_hand(scene: Scene) -> None:
    await _set(scene, conversations, state="human")


async def _line_by_hand(scene: Scene) -> None:
    await scene.store.know_lines([LINE], scene.now)
    await _set(scene, lines, paused_at=scene.now)


async def _epoch_by_hand(scene: Scene) -> None:
    await _set(scene, conversations, epoch=conversations.c.epoch + 1)


BY_HAND = pytest.mark.parametrize(
    "taken_over",
    [
        pytest.param(_human_by_hand, id="paused, epoch not raised"),
        pytest.param(_line_by_hand, id="line paused, epoch not raised"),
        pytest.param(_epoch_by_hand, id="epoch raised, not paused any more"),
    ],
)


@BY_HAND
@pytest.mark.parametrize("state", ["reply queued", "held", "unknown"])
async def test_a_reply_that_nobody_cancelled_still_does_not_leave(
    scene: Scene, taken_over: Callable[[Scene], Awaitable[None]], state: str
) -> None:
    await STATES[state](scene)
    await taken_over(scene)
    scene.pass_time(60)
    for probe in (False, True):
        taken = await scene.store.claim_reply(thread(ANNA), scene.now, probe=probe)
        assert taken == SendLater()
    assert await _bots(scene) == (("uncertain",) if state == "unknown" else ("cancelled*",))


@BY_HAND
async def test_what_the_model_wrote_meanwhile_is_a_draft_by_either_check(
    scene: Scene, taken_over: Callable[[Scene], Awaitable[None]]
) -> None:
    turn = await scene.takes_turn(await scene.writes())
    await taken_over(scene)
    answered, first = await scene.store.answer_turn(turn, reply(), scene.now)
    assert (answered, first) == (Answered.DRAFTED, None)
    assert await _bots(scene) == ("cancelled*",)


@BY_HAND
async def test_words_that_the_bot_is_closed_are_not_said_after_a_take_over(
    scene: Scene, taken_over: Callable[[Scene], Awaitable[None]]
) -> None:
    turn = await scene.takes_turn(await scene.writes())
    await taken_over(scene)
    until = scene.now + timedelta(hours=1)
    assert await scene.store.defer_turn(turn, until, reply("we are closed"), scene.now) is None
    assert await _bots(scene) == ()


@BY_HAND
async def test_the_fallback_is_not_said_after_a_take_over(
    scene: Scene, taken_over: Callable[[Scene], Awaitable[None]]
) -> None:
    turn = await scene.takes_turn(await scene.writes())
    await taken_over(scene)
    await scene.store.fail_turn(turn, "broken", reply("sorry"), scene.now, final=True)
    assert await _bots(scene) == ("cancelled*",)


async def test_in_a_paused_conversation_no_turn_begins(scene: Scene) -> None:
    anna = await scene.writes()
    await _human_by_hand(scene)
    assert isinstance(await scene.store.claim_turn(anna, scene.now), Listening)


async def test_a_pause_makes_drafts_at_once_and_not_when_somebody_looks(scene: Scene) -> None:
    await STATES["reply queued"](scene)
    await _pause(scene)
    assert await _bots(scene) == ("cancelled*",)


async def test_a_pause_of_everything_makes_drafts_at_once(scene: Scene) -> None:
    await STATES["held"](scene)
    await scene.store.pause_scope(None, pause(), scene.now)
    assert await _bots(scene) == ("cancelled*",)


# However a turn ends that somebody has overtaken, what was asked does not hang.


async def _answer(scene: Scene, turn: Turn) -> None:
    await scene.store.answer_turn(turn, reply("too late"), scene.now)


async def _skip(scene: Scene, turn: Turn) -> None:
    await scene.store.skip_turn(turn, "nothing to say", scene.now)


async def _decline(scene: Scene, turn: Turn) -> None:
    await scene.store.decline_turn(turn, "a flood", scene.now)


async def _defer(scene: Scene, turn: Turn) -> None:
    until = scene.now + timedelta(seconds=20)
    await scene.store.defer_turn(turn, until, reply("we are closed"), scene.now)


async def _release(scene: Scene, turn: Turn) -> None:
    await scene.store.release_turn(turn, "away", scene.now)


async def _fail(scene: Scene, turn: Turn) -> None:
    await scene.store.fail_turn(turn, "broken", reply("sorry"), scene.now)


async def _lose(scene: Scene, _turn: Turn) -> None:
    scene.pass_time(6)
    await scene.store.mend(scene.now, frozenset())


@pytest.mark.parametrize("end", [_answer, _skip, _decline, _defer, _release, _fail, _lose])
@pytest.mark.parametrize("who", ["pause", "pause of the line", "resume", "resume to answer"])
async def test_what_an_overtaken_turn_was_about_does_not_hang(
    scene: Scene, who: str, end: Callable[[Scene, Turn], Awaitable[None]]
) -> None:
    turn = await scene.takes_turn(await scene.writes())
    await COMING_IN[who](scene)
    await end(scene, turn)
    if who.startswith("pause"):
        await scene.store.resume_scope(LINE, "olga", scene.now, answer=True)
        await scene.store.resume(thread(ANNA), "olga", scene.now, answer=True)
    assert {state.partition(":")[0] for state in (await _goes_on(scene, Work())).inbox} <= {
        "done",
        "skipped",
    }


# The last words.


async def _handed_off(scene: Scene) -> str:
    anna = await scene.writes(text="human")
    turn = await scene.takes_turn(anna)
    assert await scene.store.answer_turn(turn, GOODBYE, scene.now) == (Answered.STORED, None)
    return anna


async def test_the_last_words_of_a_hand_off_leave_and_nothing_after_them(scene: Scene) -> None:
    anna = await _handed_off(scene)
    assert (await scene.conversation(anna)).paused_by == "bot"
    assert [(await scene.sends(anna)).text] == ["one moment"]
    assert isinstance(await scene.store.claim_reply(anna, scene.now), SendLater)


async def _hand_back(scene: Scene) -> None:
    await scene.store.resume(thread(ANNA), "olga", scene.now)


@pytest.mark.parametrize("somebody", [_pause, _pause_line, _hand_back, _person_writes, _phone])
async def test_the_last_words_do_not_leave_when_somebody_was_faster(
    scene: Scene, somebody: Callable[[Scene], Awaitable[None]]
) -> None:
    anna = await _handed_off(scene)
    await somebody(scene)
    scene.pass_time(60)
    taken = await scene.store.claim_reply(anna, scene.now)
    assert not isinstance(taken, ToSend) or taken.message.text == "a person here"
    assert await _bots(scene) == ("cancelled*",)


async def test_last_words_that_are_unknown_are_not_repeated_after_a_person_has_written(
    scene: Scene,
) -> None:
    anna = await _handed_off(scene)
    await scene.settles(await scene.sends(anna), HANGS)
    await _person_writes(scene)
    scene.pass_time(60)
    assert (await scene.sends(anna)).text == "a person here"
    assert await _bots(scene) == ("uncertain",)


# Opting out.


async def _opted_out(scene: Scene) -> str:
    anna = await scene.writes(text="STOP")
    turn = await scene.takes_turn(anna)
    await scene.store.answer_turn(turn, CONFIRMED, scene.now)
    assert (await scene.sends(anna)).text == CHEERS
    return anna


@pytest.mark.parametrize("said", [reply(), GOODBYE], ids=["an answer", "a hand-off"])
async def test_to_somebody_who_has_opted_out_nothing_is_said_even_if_a_turn_wants_to(
    scene: Scene, said: Reply
) -> None:
    anna = await _opted_out(scene)
    scene.pass_time(60)
    await scene.store.mend(scene.now, frozenset())
    await scene.delivered("p1")
    await scene.apply()
    await scene.writes(text="hello?")
    turn = await scene.takes_turn(anna)
    assert turn.standing.opted_out
    _, first = await scene.store.answer_turn(turn, said, scene.now)
    assert first is None
    assert isinstance(await scene.store.claim_reply(anna, scene.now), SendLater)
    assert [status.rstrip("*") for status in await _bots(scene)] == ["delivered", "cancelled"]


async def test_a_person_is_refused_where_the_customer_has_opted_out(scene: Scene) -> None:
    anna = await _opted_out(scene)
    with pytest.raises(Refused):
        await scene.store.write(anna, ("but",), pause(), scene.now)
    assert (await scene.conversation(anna)).state == "bot"


async def test_a_stop_said_to_a_person_ends_their_queued_words_and_the_bots_right_to_write(
    scene: Scene,
) -> None:
    anna = await scene.writes(text="STOP")
    await scene.store.write(anna, ("a person here",), pause(), scene.now, keep_bot=True)
    await scene.pauses(anna)
    heard = await scene.store.claim_turn(anna, scene.now)
    assert isinstance(heard, Listening)
    ids = tuple(entry.id for entry in heard.waiting)
    await scene.store.hear_opting(anna, Opting.OUT, ids, scene.now)
    assert await scene.outbox(anna) == [("operator", "cancelled")]
    await scene.store.resume(anna, "olga", scene.now)
    await scene.writes(text="hello?")
    _, first = await scene.store.answer_turn(await scene.takes_turn(anna), reply(), scene.now)
    assert first is None


async def test_a_stop_during_a_turn_makes_a_draft_of_it(scene: Scene) -> None:
    turn = await scene.takes_turn(await scene.writes())
    await scene.store.hear_opting(turn.conversation_id, Opting.OUT, (), scene.now)
    assert (await scene.store.answer_turn(turn, reply(), scene.now))[0] is Answered.DRAFTED


# Our own messages seen from outside, and a person's.


@pytest.mark.parametrize("answered_as", [Sent("p1"), Sent(None), HANGS], ids=repr)
@pytest.mark.parametrize("kind", ["message.delivered", "message.sent"])
async def test_our_own_message_seen_before_its_answer_is_no_person(
    scene: Scene, kind: str, answered_as: SendOutcome
) -> None:
    anna = await scene.writes()
    sent = await scene.answers(anna, "our words", "more")
    seen = {"id": "p1", "to": ANNA, "type": "text", "text": "our words"}
    await scene.arrives(kind, message=seen)
    await scene.apply()
    await scene.settles(sent, answered_as)
    await scene.delivered("p1")
    scene.pass_time(60)
    await scene.apply()
    assert (await scene.conversation(anna)).state == "bot"
    first, _ = await scene.outbound(anna)
    assert (first.status, first.provider_id) == ("delivered", "p1")
    assert (await scene.sends(anna)).text == "more"


async def test_a_send_without_an_id_is_found_by_its_words_and_then_by_its_notice(
    scene: Scene,
) -> None:
    anna = await scene.writes()
    await scene.settles(await scene.answers(anna, "our words"), Sent(None))
    echo = {"id": "p1", "to": ANNA, "type": "text", "text": "our words"}
    await scene.arrives("message.sent", message=echo)
    await scene.delivered("p1")
    scene.pass_time(6)
    await scene.apply()
    assert await scene.outbox(anna) == [("bot", "delivered")]
    assert (await scene.conversation(anna)).state == "bot"


async def test_a_send_without_an_id_takes_one_notice_and_the_next_is_a_persons(
    scene: Scene,
) -> None:
    anna = await scene.writes()
    await scene.settles(await scene.answers(anna), Sent(None))
    await scene.delivered("p1")
    await scene.apply()
    assert await scene.outbox(anna) == [("bot", "delivered")]
    await scene.delivered("p1")  # the same again
    scene.pass_time(6)
    await scene.apply()
    assert (await scene.conversation(anna)).state == "bot"
    await scene.delivered("p2")
    scene.pass_time(6)
    await scene.apply()
    assert (await scene.conversation(anna)).paused_by == "phone"


async def test_a_persons_message_that_is_delivered_during_our_send_is_told_apart_by_the_answer(
    scene: Scene,
) -> None:
    anna = await scene.writes()
    sent = await scene.answers(anna)
    await scene.delivered("a person's")
    await scene.delivered("ours")
    await scene.apply()
    await scene.settles(sent, Sent("ours"))
    scene.pass_time(6)
    await scene.apply()
    by_author = {row.author: (row.provider_id, row.status) for row in await scene.outbound(anna)}
    assert by_author == {"bot": ("ours", "delivered"), "operator": ("a person's", "delivered")}
    assert (await scene.conversation(anna)).paused_by == "phone"


@pytest.mark.parametrize("state", ["sending", "unknown", "sent without id"])
@pytest.mark.parametrize("kind", ["image", "voice"])
async def test_a_file_without_words_from_the_phone_is_a_persons_whatever_of_ours_is_under_way(
    scene: Scene, kind: str, state: str
) -> None:
    await STATES[state](scene)
    media = {"url": "https://media.mossmoon.app/x?sig=1", "mime_type": f"{kind}/x"}
    file = {"id": "own", "to": ANNA, "type": kind, "media": media}
    await scene.arrives("message.sent", message=file)
    scene.pass_time(6)
    await scene.apply()
    assert (await scene.conversation(thread(ANNA))).paused_by == "phone"


@pytest.mark.parametrize("state", ["turn claimed", "reply queued"])
async def test_while_it_is_not_known_whether_a_person_has_written_the_bot_sends_nothing(
    scene: Scene, state: str
) -> None:
    scene.settings(base_delay=timedelta(0))
    work = await STATES[state](scene)
    await scene.delivered("whose?")
    scene.pass_time(2)
    await scene.apply()
    if work.turn is not None:
        assert (await scene.store.answer_turn(work.turn, reply(), scene.now))[1] is None
    assert await scene.store.claim_reply(thread(ANNA), scene.now) == SendLater(at(5))
    scene.at(5)
    await scene.apply()
    assert await scene.store.claim_reply(thread(ANNA), scene.now) == SendLater()
    assert await _bots(scene) == ("cancelled*",)


@pytest.mark.parametrize(
    "seen",
    [
        pytest.param(
            ("message.sent", {"to": "123@g.us", "type": "text", "text": "hello all"}), id="address"
        ),
        pytest.param(
            (
                "message.sent",
                {"to": ANNA, "group_id": "123", "type": "text", "text": "hello all"},
            ),
            id="group_id",
        ),
        pytest.param(("message.delivered", {"to": "123@g.us"}), id="delivered"),
        pytest.param(("message.delivered", {"to": ANNA, "is_group": True}), id="delivered, marked"),
    ],
)
async def test_what_the_phone_writes_in_a_group_pauses_nobody(
    scene: Scene, seen: tuple[str, dict[str, Any]]
) -> None:
    anna = await scene.writes()
    kind, message = seen
    await scene.arrives(kind, message={"id": "own", **message})
    scene.pass_time(6)
    await scene.apply()
    assert (await scene.conversation(anna)).state == "bot"
    await scene.takes_turn(anna)


@pytest.mark.parametrize(("age_h", "state"), [(26, "bot"), (1, "human")])
async def test_what_a_person_wrote_yesterday_is_recorded_and_takes_nothing_over(
    scene: Scene, age_h: int, state: str
) -> None:
    anna = await scene.writes()
    then = (START - timedelta(hours=age_h)).isoformat()
    await scene.arrives("message.delivered", message={"id": "old", "to": ANNA}, delivered_at=then)
    scene.pass_time(6)
    await scene.apply()
    assert await scene.outbox(anna) == [("operator", "delivered")]
    assert (await scene.conversation(anna)).state == state


@pytest.mark.parametrize("who", ["a person writes", "resume"])
async def test_a_stop_is_heard_although_a_person_acts_before_the_bot_has_listened(
    scene: Scene, who: str
) -> None:
    anna = await scene.writes(text="STOP")
    await COMING_IN[who](scene)
    if who == "a person writes":
        await scene.settles(await scene.sends(anna), Sent("p1"))
    claim = await scene.store.claim_turn(anna, scene.now)
    assert isinstance(claim, Claimed | Listening)
    waiting = claim.turn.waiting if isinstance(claim, Claimed) else claim.waiting
    assert [entry.text for entry in waiting] == ["STOP"]


async def test_no_further_part_leaves_until_it_is_sure_that_a_notice_was_the_firsts(
    scene: Scene,
) -> None:
    anna = await scene.writes()
    first = await scene.answers(anna, "one", "two")
    await scene.delivered("a person's")
    await scene.apply()
    assert isinstance(await scene.store.claim_reply(anna, scene.now), SendLater)
    await scene.settles(first, Sent("p1"))
    scene.pass_time(6)
    await scene.apply()
    assert (await scene.conversation(anna)).paused_by == "phone"
    assert await scene.outbox(anna) == [
        ("bot", "sent"),
        ("bot", "cancelled"),
        ("operator", "delivered"),
    ]


@pytest.mark.parametrize("answer", [Sent("p1"), Sent(None), HANGS], ids=["id", "no id", "none"])
async def test_the_next_part_leaves_at_once_when_the_notice_was_the_firsts(
    scene: Scene, answer: SendOutcome
) -> None:
    anna = await scene.writes()
    first = await scene.answers(anna, "one", "two")
    await scene.delivered("p1")
    await scene.apply()
    assert await scene.settles(first, answer)
    assert (await scene.sends(anna)).text == "two"


async def test_a_notice_that_was_the_bots_own_does_not_unseal_what_another_keeps_quiet(
    scene: Scene,
) -> None:
    anna = await scene.writes()
    first = await scene.answers(anna, "one", "two")
    await scene.delivered("p1")
    await scene.apply()
    scene.pass_time(1)
    await scene.delivered("from the phone")
    await scene.apply()
    await scene.settles(first, Sent("p1"))
    assert isinstance(await scene.store.claim_reply(anna, scene.now), SendLater)


# What was never confirmed.

MINUTE_S = 60


async def _never_confirmed(scene: Scene, state: str) -> None:
    await STATES[state](scene)
    await _resume(scene)
    scene.pass_time(60)
    await scene.store.claim_reply(thread(ANNA), scene.now)  # an unknown one ends in doubt


@pytest.mark.parametrize(
    ("state", "after_s"), [("unknown", 59 * MINUTE_S), ("sent without id", 23 * HOUR_S)]
)
async def test_what_left_without_an_id_is_confirmed_by_a_notice_that_comes_in_time(
    scene: Scene, state: str, after_s: float
) -> None:
    await _never_confirmed(scene, state)
    scene.pass_time(after_s - 60)
    await scene.delivered("who knows")
    await scene.apply()
    assert await scene.outbox(thread(ANNA)) == [("bot", "delivered")]
    assert (await scene.conversation(thread(ANNA))).state == "bot"


@pytest.mark.parametrize(
    ("state", "after_s"), [("unknown", 61 * MINUTE_S), ("sent without id", 25 * HOUR_S)]
)
async def test_a_phone_reply_pauses_though_something_older_was_never_confirmed(
    scene: Scene, state: str, after_s: float
) -> None:
    await _never_confirmed(scene, state)
    scene.pass_time(after_s)
    await scene.delivered("from the phone")
    scene.pass_time(6)
    await scene.apply()
    assert (await scene.conversation(thread(ANNA))).paused_by == "phone"


async def test_what_the_line_told_of_before_a_send_began_is_not_that_send(scene: Scene) -> None:
    anna = await scene.writes()
    await scene.delivered("from the phone")
    await scene.apply()
    scene.pass_time(5)
    await scene.answers(anna)  # the bot need not hold its tongue any longer
    await scene.apply()
    assert (await scene.conversation(anna)).paused_by == "phone"


async def test_a_notice_that_comes_late_counts_from_the_delivery(scene: Scene) -> None:
    await _never_confirmed(scene, "unknown")
    then = scene.now.isoformat()
    scene.pass_time(20 * HOUR_S)  # the bot was away, and the line delivers its events again
    message = {"id": "who knows", "to": ANNA}
    await scene.arrives("message.delivered", message=message, delivered_at=then)
    await scene.apply()
    assert await scene.outbox(thread(ANNA)) == [("bot", "delivered")]


# How long.


@pytest.mark.parametrize(
    ("before_s", "after_s"),
    [
        pytest.param(None, None, id="endless"),
        pytest.param(24 * HOUR_S, 24 * HOUR_S, id="longer"),
        pytest.param(60, 10 + 4 * HOUR_S, id="shorter"),
    ],
)
@pytest.mark.parametrize("who", ["phone", "person"])
async def test_a_persons_message_never_shortens_a_pause_and_restarts_a_shorter_one(
    scene: Scene, who: str, before_s: float | None, after_s: float | None
) -> None:
    anna = await scene.writes()
    await scene.store.pause(anna, pause(until_s=before_s), scene.now)
    scene.at(10)
    if who == "phone":
        await scene.phone_writes("a person here")
        await scene.apply()
    else:
        until = at(10 + 4 * HOUR_S)
        await scene.store.write(anna, ("me",), Pause("olga", until, prolongs=True), scene.now)
    until = (await scene.conversation(anna)).paused_until
    assert until == (None if after_s is None else at(after_s))


async def test_a_person_who_writes_in_the_grace_gets_a_whole_pause_again(scene: Scene) -> None:
    anna = await scene.writes()
    await scene.store.pause(anna, pause(until_s=60), scene.now)
    scene.at(61)
    await scene.store.lapse_pauses(scene.now)
    scene.at(70)
    await scene.phone_writes("here I am")
    await scene.apply()
    row = await scene.conversation(anna)
    assert (row.paused_until, row.pause_noticed_at) == (at(70 + 4 * HOUR_S), None)


async def test_where_the_bot_waits_for_a_person_their_words_begin_a_pause_that_ends(
    scene: Scene,
) -> None:
    scene.settings(wait_for_person=True)
    anna = await scene.writes()
    await scene.store.pause(anna, pause(until_s=60), scene.now)
    scene.at(61)
    await scene.store.lapse_pauses(scene.now)
    assert (await scene.conversation(anna)).paused_until is None
    await scene.phone_writes("here I am")
    await scene.apply()
    assert (await scene.conversation(anna)).paused_until == at(61 + 4 * HOUR_S)


async def test_a_pause_that_is_noticed_before_a_restart_ends_after_its_grace(scene: Scene) -> None:
    anna = await scene.writes()
    await scene.store.pause(anna, pause(until_s=60), scene.now)
    scene.at(61)
    await scene.store.lapse_pauses(scene.now)
    await scene.store.sign_off()
    later = scene.another_worker()
    await later.register(scene.now, sole=True)
    scene.at(61 + 599)
    assert await later.lapse_pauses(scene.now) == frozenset()
    assert (await scene.conversation(anna)).state == "human"
    scene.at(61 + 600)
    assert await later.lapse_pauses(scene.now) == {anna}
    assert isinstance(await later.claim_turn(anna, scene.now), Claimed)


async def test_a_pause_whose_end_nobody_was_there_to_see_still_gets_its_grace(scene: Scene) -> None:
    anna = await scene.writes()
    await scene.store.pause(anna, pause(until_s=60), scene.now)
    scene.at(HOUR_S)  # nothing ran for an hour
    later = scene.another_worker()
    await later.register(scene.now, sole=True)
    assert await later.lapse_pauses(scene.now) == frozenset()
    assert (await scene.conversation(anna)).paused_until == at(HOUR_S + 600)


@pytest.mark.parametrize("looked_before", [False, True])
async def test_with_the_clock_set_back_a_phone_reply_pauses_at_the_next_look(
    scene: Scene, looked_before: bool
) -> None:
    anna = await scene.writes()
    await scene.delivered("from the phone")
    if looked_before:
        await scene.apply()  # it waits for its grace
    scene.at(-HOUR_S)
    await scene.apply()
    row = await scene.conversation(anna)
    assert (row.paused_by, row.paused_until) == ("phone", at(3 * HOUR_S))


async def test_with_the_clock_set_back_nothing_is_hushed_for_an_hour(scene: Scene) -> None:
    scene.settings(foreign_messages="pause", base_delay=timedelta(0))
    await STATES["reply queued"](scene)
    await scene.delivered("whose?")
    await scene.apply()
    await _set(scene, messages, next_at=at(-HOUR_S))
    scene.at(-HOUR_S)
    assert (await scene.sends(thread(ANNA))).text == "an answer"


async def test_with_the_clock_set_back_a_pause_ends_later_and_never_sooner(scene: Scene) -> None:
    scene.settings(resume_grace=timedelta(0))
    scene.at(-HOUR_S)
    anna = await scene.writes()
    scene.at(0)
    await scene.store.pause(anna, pause(until_s=60), scene.now)
    await scene.store.pause_scope(LINE, pause(until_s=60), scene.now)
    for moment_s in (-HOUR_S, -HOUR_S + 61, 59):
        scene.at(moment_s)
        assert await scene.store.lapse_pauses(scene.now) == frozenset()
        assert (await scene.conversation(anna)).state == "human"
        assert not isinstance(await scene.store.claim_turn(anna, scene.now), Claimed)
    scene.at(60)
    assert await scene.store.lapse_pauses(scene.now) == {anna}
    await scene.takes_turn(anna)


# Operators.


async def test_operators_are_told_although_everything_is_paused(scene: Scene) -> None:
    scene.settings(roster=Roster((ROSA,)))
    await _handed_off(scene)
    await scene.store.pause_scope(None, pause(), scene.now)
    notice = await scene.sends(operator_chat_id(LINE, ROSA))
    assert notice.to == ROSA
    assert ANNA in notice.text
    assert await _bots(scene) == ("cancelled*",)


async def test_what_the_phone_writes_to_an_operator_pauses_nobody(scene: Scene) -> None:
    scene.settings(roster=Roster((ROSA,)))
    anna = await _handed_off(scene)
    await scene.settles(await scene.sends(anna), Rejected("invalid", "no"))
    await scene.phone_writes("see to it, please", ROSA)
    scene.pass_time(6)
    await scene.apply()
    assert (await scene.conversation(anna)).paused_by == "bot"
    assert (await scene.conversation(operator_chat_id(LINE, ROSA))).state == "bot"
