"""Contacts blocked, opted out by hand, and erased, while work is in hand and the line talks on."""

import asyncio
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, Row, Table, select, update

from bot.adapters.db.contact_book import ContactBook
from bot.adapters.db.schema import (
    audit,
    conversations,
    events,
    leftovers,
    lines,
    metadata,
    remembered,
)
from bot.contacts import Contacts
from bot.domain.inbox import Filing
from bot.domain.media import Fetched, MediaWork, Reading, media_key, picture_key
from bot.domain.notice import Roster
from bot.domain.outbox import Outbound, Sent
from bot.domain.people import Decision, Place, Removed
from bot.domain.turn import MadeBy, Nothing, Opting, Reply
from bot.domain.work import SendLater
from bot.errors import LostClaim, NotFound, Refused, Unavailable
from tests.transitions.scene import ANNA, BEN, LINE, Scene, event, message, pause, reply, thread

OLGA = "+15559990001"
SECRET = "the blue bicycle"
SHA = "ab" * 32
CHAT = thread(ANNA)


class Shelf:
    """Stands in for the media store: what is there by key."""

    def __init__(self) -> None:
        self.kept: set[str] = set()
        self.away = False

    async def delete(self, key: str) -> None:
        if self.away:
            raise Unavailable("the disk is away")
        self.kept.discard(key)


class Office:
    """What operators do in a scene, and what the tables hold then."""

    def __init__(self, scene: Scene) -> None:
        self.scene = scene
        self.book = ContactBook(scene.database)
        self.shelf = Shelf()
        self.contacts = Contacts(self.book, self.shelf, lambda: scene.now, timedelta(0))

    async def place(self, contact: str = ANNA) -> Place:
        (place,) = await self.book.places(contact, LINE)
        return place

    async def decides(self, decision: Decision, contact: str = ANNA) -> None:
        await self.contacts.decide((await self.place(contact),), decision, "olga", "spam")

    async def erases(self, contact: str = ANNA) -> None:
        await self.contacts.erase((await self.place(contact),), "olga")

    async def rows(self, table: Table) -> list[Row[Any]]:
        return await self.scene.database.read(lambda tx: list(tx.execute(select(table))))

    async def holds(self, words: str) -> bool:
        """Whether any table holds these words."""
        rows = [row for table in _TABLES for row in await self.rows(table)]
        return any(words in repr(row) for row in rows)

    async def keeps(self, media_id: str, sha256: str = SHA) -> MediaWork:
        """A file is fetched and stored; the work of reading it."""
        work = await self.takes(media_id)
        self.shelf.kept |= {media_key(sha256), picture_key(sha256, 1)}
        await self.stores(work, sha256)
        return await self.takes(media_id)

    async def takes(self, media_id: str) -> MediaWork:
        work = await self.scene.store.claim_media(media_id, self.scene.now)
        assert isinstance(work, MediaWork), work
        return work

    async def stores(self, work: MediaWork, sha256: str = SHA) -> None:
        fetched, now = Fetched(Path("x"), sha256, 3), self.scene.now
        await self.scene.store.keep_media(work, fetched, "audio/ogg", timedelta(0), now)


_TABLES = tuple(metadata.sorted_tables)


@pytest.fixture
def office(scene: Scene) -> Office:
    return Office(scene)


# blocked


async def test_nothing_of_a_blocked_contact_is_recorded_or_answered(
    scene: Scene, office: Office
) -> None:
    await scene.settles(await scene.answers(await scene.writes()), Sent("out_1"))
    await office.decides(Decision.BLOCK)
    await scene.writes(text=SECRET)
    await scene.writes(BEN, "me too")
    assert isinstance(await scene.store.claim_turn(CHAT, scene.now), Nothing)
    assert not await office.holds(SECRET)
    *_, theirs, bens = await office.rows(events)
    assert (theirs.reason, theirs.contact, theirs.raw) == ("blocked", None, b"")
    assert bens.state == "pending"


async def test_what_waits_when_a_contact_is_blocked_is_never_answered(
    scene: Scene, office: Office
) -> None:
    await scene.writes()
    await office.decides(Decision.BLOCK)
    assert await scene.inbox(CHAT) == [("skipped", "blocked")]
    await office.decides(Decision.UNBLOCK)
    assert (await scene.sweeps()).turns == ()
    assert await scene.answers(await scene.writes())


async def test_what_slips_in_beside_a_block_is_not_answered(scene: Scene) -> None:
    """On a server a message may be stored in the very moment of the block."""
    await scene.writes()
    await _change(scene, blocked_at=scene.now)
    assert isinstance(await scene.store.claim_turn(CHAT, scene.now), Nothing)
    assert await scene.inbox(CHAT) == [("skipped", "blocked")]
    assert (await scene.sweeps()).turns == ()


async def test_a_reply_being_written_is_never_sent_once_the_contact_is_blocked(
    scene: Scene, office: Office
) -> None:
    turn = await scene.takes_turn(await scene.writes())
    await office.decides(Decision.BLOCK)
    _, to_send = await scene.store.answer_turn(turn, reply(), scene.now)
    assert to_send is None
    assert await scene.store.claim_reply(CHAT, scene.now) == SendLater()
    assert await scene.outbox(CHAT) == [("bot", "cancelled")]


async def test_the_send_itself_looks_whether_the_contact_is_blocked(scene: Scene) -> None:
    sent = await scene.answers(await scene.writes(), "one", "two")
    await _change(scene, blocked_at=scene.now)
    await scene.settles(sent, Sent("out_1"))
    assert await scene.store.claim_reply(CHAT, scene.now) == SendLater()
    assert await scene.outbox(CHAT) == [("bot", "sent"), ("bot", "cancelled")]


async def test_nobody_writes_to_a_blocked_contact(scene: Scene, office: Office) -> None:
    await scene.writes()
    await office.decides(Decision.BLOCK)
    with pytest.raises(Refused, match="blocked"):
        await scene.store.write(CHAT, ("hello",), pause(), scene.now)
    await office.decides(Decision.UNBLOCK)
    await scene.store.write(CHAT, ("hello",), pause(), scene.now)


async def test_who_blocks_and_why_is_recorded_once(scene: Scene, office: Office) -> None:
    await scene.writes()
    for decision in (Decision.BLOCK, Decision.BLOCK, Decision.UNBLOCK, Decision.UNBLOCK):
        await office.decides(decision)
    done = [(row.action, row.actor, row.reason) for row in await office.rows(audit)]
    assert done == [("blocked", "olga", "spam"), ("unblocked", "olga", "spam")]


async def test_somebody_who_never_wrote_can_be_blocked_and_leaves_no_number(
    scene: Scene, office: Office
) -> None:
    await office.decides(Decision.BLOCK)
    await scene.writes(text=SECRET)
    assert await office.rows(conversations) == []
    assert not await office.holds(ANNA[1:])
    await office.decides(Decision.UNBLOCK)
    assert await office.rows(remembered) == []
    assert await scene.answers(await scene.writes())


async def test_an_operator_may_still_command_whom_somebody_blocked_as_a_customer(
    scene: Scene, office: Office
) -> None:
    scene.settings(roster=Roster(everywhere=(OLGA,)))
    await office.decides(Decision.BLOCK, OLGA)
    await scene.commands(OLGA, "#help")
    assert [row.state for row in await office.rows(events)] == ["done"]


# opted out by hand


async def test_opted_out_by_hand_nothing_leaves_and_it_is_recorded_by_whom(
    scene: Scene, office: Office
) -> None:
    await scene.stores(await scene.writes(), "one")
    sent = (await scene.outbound(CHAT))[0]
    await _settle(scene, sent.id)
    await scene.store.write(CHAT, ("one", "two"), pause(), scene.now)
    await office.decides(Decision.OPT_OUT)
    assert await scene.store.claim_reply(CHAT, scene.now) == SendLater()
    with pytest.raises(Refused, match="opted out"):
        await scene.store.write(CHAT, ("hello",), pause(), scene.now)
    await office.decides(Decision.OPT_IN)
    await scene.store.write(CHAT, ("hello",), pause(), scene.now)
    done = [(row.action, row.actor) for row in await office.rows(audit) if "opted" in row.action]
    assert done == [("opted_out", "olga"), ("opted_in", "olga")]


# erased


async def test_of_somebody_who_was_erased_no_table_holds_anything(
    scene: Scene, office: Office
) -> None:
    scene.settings(roster=Roster(everywhere=(OLGA,), webhook=True))
    await _talk_at_length(scene, office)
    for words in (SECRET, ANNA[1:], "Anna Berg", CHAT):
        assert await office.holds(words), f"{words}: it must be there before"
    await office.erases()
    for words in (SECRET, ANNA[1:], "Anna Berg", CHAT):
        assert not await office.holds(words), words
    assert await office.holds("Ben's own words")
    *_, done = await office.rows(audit)
    assert (done.action, done.actor, done.line_id) == ("erased", "olga", LINE)
    assert (done.conversation_id, done.reason) == (None, None)


async def _talk_at_length(scene: Scene, office: Office) -> None:
    """All that can be kept of a contact, and of another one beside."""
    await scene.writes(BEN, "Ben's own words")
    await scene.writes(text=SECRET, profileName="Anna Berg", from_name="Anna Berg")
    await _change(scene, name="Anna Berg")
    turn = await scene.takes_turn(CHAT)
    await scene.store.decline_turn(turn, f"asks for {SECRET}", scene.now)  # notices
    await scene.commands(OLGA, f"#1 yes, {SECRET} is {ANNA}'s")
    await scene.commands(OLGA, "#who")
    await scene.commands(OLGA, f"#pause {ANNA}")
    await office.contacts.add_note(CHAT, f"wants {SECRET}", "olga")
    await scene.store.resume(CHAT, "olga", scene.now, brief=f"I promised {SECRET}")
    _, media_id = await scene.sends_voice()
    work = await office.keeps(media_id)
    heard = Reading(text=f"I said {SECRET}", service="ears", language="en")
    await scene.store.finish_media(work, heard, timedelta(0), scene.now)
    await scene.delivered("unknown", ANNA)
    await scene.changes("message.edited", f"I mean {SECRET}")
    odd = {"id": "msg_odd", "from": ANNA, "text": {"odd": SECRET}}
    await scene.arrives("message.received", message=odd)
    await scene.arrives("message.received", message={"note": f"{ANNA}: {SECRET}"})


async def test_work_in_hand_is_lost_when_the_contact_is_erased(
    scene: Scene, office: Office
) -> None:
    turn = await scene.takes_turn(await scene.writes())
    await office.erases()
    for end in (
        scene.store.answer_turn(turn, reply(), scene.now),
        scene.store.skip_turn(turn, "reaction", scene.now),
        scene.store.release_turn(turn, "away", scene.now),
        scene.store.fail_turn(turn, "broke", reply(), scene.now),
        scene.store.decline_turn(turn, "stale", scene.now),
        scene.store.defer_turn(turn, scene.now, None, scene.now),
    ):
        with pytest.raises(LostClaim):
            await end
    assert not await office.holds(CHAT)


async def test_the_answer_to_a_send_finds_nothing_even_if_the_contact_writes_anew(
    scene: Scene, office: Office
) -> None:
    sent = await scene.answers(await scene.writes())
    await _end_lease(scene)
    await office.erases()
    await scene.store.register(scene.now, sole=True)
    with pytest.raises(LostClaim):
        await scene.settles(sent, Sent("out_1"))
    await scene.writes(text="it is me again")
    with pytest.raises(LostClaim):
        await scene.settles(sent, Sent("out_1"))
    assert await scene.outbox(CHAT) == []


class Watched(ContactBook):
    """Tells that somebody has asked what is on its way, and minds an erasure that came too soon."""

    asked: asyncio.Event

    async def on_its_way(self, place: Place, now: datetime) -> int:
        count = await super().on_its_way(place, now)
        self.asked.set()
        return count

    async def erase(self, place: Place, by: str, now: datetime) -> Removed:
        assert not await self.on_its_way(place, now), "a message is still on its way"
        return await super().erase(place, by, now)


async def test_an_erasure_waits_for_what_is_on_its_way_and_lets_nothing_else_leave(
    scene: Scene, office: Office
) -> None:
    sent = await scene.answers(await scene.writes(), "one", "two")
    book = Watched(scene.database)
    book.asked = asyncio.Event()
    contacts = Contacts(book, office.shelf, lambda: scene.now, timedelta(minutes=1))
    erasing = asyncio.create_task(contacts.erase((await office.place(),), "olga"))
    await book.asked.wait()
    await scene.settles(sent, Sent("out_1"))
    assert await scene.store.claim_reply(CHAT, scene.now) == SendLater()
    await erasing
    assert await scene.outbox(CHAT) == []


async def test_not_even_a_goodbye_leaves_once_an_erasure_has_begun(
    scene: Scene, office: Office
) -> None:
    turn = await scene.takes_turn(await scene.writes(text="STOP"))
    await office.book.begin_erasing(await office.place(), "olga", scene.now)
    goodbye = Reply(("goodbye",), MadeBy(), opting=Opting.OUT)
    _, to_send = await scene.store.answer_turn(turn, goodbye, scene.now)
    assert to_send is None
    assert await scene.store.claim_reply(CHAT, scene.now) == SendLater()


async def test_once_an_erasure_has_begun_nothing_is_claimed(scene: Scene, office: Office) -> None:
    await scene.stores(await scene.writes(), "one")
    await _settle(scene, (await scene.outbound(CHAT))[0].id)
    await scene.writes(text="more")
    await scene.store.write(CHAT, ("a person's",), pause(), scene.now, keep_bot=True)
    await office.book.begin_erasing(await office.place(), "olga", scene.now)
    assert isinstance(await scene.store.claim_turn(CHAT, scene.now), Nothing)
    assert await scene.store.claim_reply(CHAT, scene.now) == SendLater()
    with pytest.raises(Refused, match="erased"):
        await scene.store.write(CHAT, ("hello",), pause(), scene.now)


async def test_what_was_begun_by_somebody_who_has_died_is_brought_to_its_end(
    scene: Scene, office: Office
) -> None:
    await scene.writes()
    await office.book.begin_erasing(await office.place(), "olga", scene.now)
    scene.pass_time(120)
    await office.contacts.tidy()
    assert not await office.holds(CHAT)
    *_, done = await office.rows(audit)
    assert (done.action, done.actor) == ("erased", "olga")


async def test_an_event_of_somebody_who_was_erased_counts_as_seen(
    scene: Scene, office: Office
) -> None:
    first = message(text=SECRET)
    await scene.store.accept([first], scene.now)
    await office.erases()
    again = await scene.store.accept([first], scene.now)
    assert (again.duplicates, again.wake) == (1, frozenset())
    other_event = _told_again(first)
    assert (await scene.store.accept([other_event], scene.now)).wake == frozenset()
    assert not await office.holds(SECRET)
    assert not await office.holds(ANNA[1:])
    assert await office.rows(conversations) == []


def _told_again(filing: Filing) -> Filing:
    """The same message, in another event."""
    assert filing.message is not None
    said = {"id": filing.message.provider_id, "from": ANNA, "type": "text", "text": SECRET}
    return event("message.received", message=said)


@pytest.mark.parametrize("provider_id", ["out_1", "never-told"])
async def test_late_news_of_what_was_sent_brings_nobody_back(
    scene: Scene, office: Office, provider_id: str
) -> None:
    sent = await scene.answers(await scene.writes())
    await scene.settles(sent, Sent("out_1" if provider_id == "out_1" else None))
    await office.erases()
    scene.pass_time(600)
    await scene.delivered(provider_id)
    echo = {"id": provider_id, "to": ANNA, "type": "text", "text": SECRET, "timestamp": _EARLY}
    await scene.arrives("message.sent", message=echo)
    await scene.apply()
    assert await office.rows(conversations) == []
    assert not await office.holds(SECRET)
    assert not await office.holds(ANNA[1:])


_EARLY = "2026-01-01T11:59:59Z"


async def test_a_person_may_write_anew_to_somebody_who_was_erased(
    scene: Scene, office: Office
) -> None:
    await scene.writes()
    await office.erases()
    scene.pass_time(600)
    await scene.phone_writes("may I?")
    await scene.apply()
    assert await scene.outbox(CHAT) == [("operator", "delivered")]


async def test_an_opt_out_and_a_block_outlive_the_erasure_without_a_number(
    scene: Scene, office: Office
) -> None:
    await scene.writes()
    await office.decides(Decision.OPT_OUT)
    await office.erases()
    scene.pass_time(3 * 86_400)
    await office.contacts.tidy()
    assert [row.opted_out_at is not None for row in await office.rows(remembered)] == [True]
    assert not await office.holds(ANNA[1:])
    await scene.writes(text="who are you?")
    assert (await scene.conversation(CHAT)).opted_out_at is not None
    assert [row.opted_out_at for row in await office.rows(remembered)] == []
    with pytest.raises(Refused, match="opted out"):
        await scene.store.write(CHAT, ("hello",), pause(), scene.now)
    await office.decides(Decision.BLOCK)
    await office.erases()
    await scene.writes(text=SECRET)
    assert not await office.holds(SECRET)


async def test_a_number_given_to_somebody_who_was_erased_is_never_anothers(
    scene: Scene, office: Office
) -> None:
    scene.settings(roster=Roster(everywhere=(OLGA,)))
    await scene.writes()
    await scene.commands(OLGA, f"#pause {ANNA}")
    assert (await scene.conversation(CHAT)).number == 1
    await office.erases()
    await scene.writes(BEN)
    await scene.commands(OLGA, f"#pause {BEN}")
    assert (await scene.conversation(thread(BEN))).number == 2
    assert [row.numbers_given for row in await office.rows(lines) if row.line_id == LINE] == [1]


async def test_nobody_is_erased_of_whom_nothing_is_kept(scene: Scene, office: Office) -> None:
    with pytest.raises(NotFound):
        await office.book.erase(await office.place(), "olga", scene.now)
    with pytest.raises(NotFound):
        await office.contacts.kept(ANNA)
    await scene.writes(ANNA)
    assert [one.line_id for one in await office.contacts.kept("00 1 555 0001")] == [LINE]


async def test_an_erasure_while_hundreds_of_messages_arrive_loses_none_of_the_others(
    scene: Scene, office: Office
) -> None:
    others = [f"+1777{n:06}" for n in range(40)]
    await scene.writes()
    await asyncio.gather(
        *(scene.writes(other) for other in others), office.erases(), scene.writes(text=SECRET)
    )
    assert len([row for row in await office.rows(conversations) if row.contact in others]) == 40


# files


async def test_a_file_goes_with_its_message_and_what_was_made_of_it(
    scene: Scene, office: Office
) -> None:
    _, media_id = await scene.sends_voice()
    await office.keeps(media_id)
    await office.erases()
    assert office.shelf.kept == set()
    assert await office.book.files_left(scene.now) == 0


async def test_a_file_that_another_customer_sent_too_stays(scene: Scene, office: Office) -> None:
    _, annas = await scene.sends_voice()
    await office.keeps(annas)
    _, bens = await scene.sends_voice(BEN)
    await office.stores(await office.takes(bens))
    await office.erases()
    assert media_key(SHA) in office.shelf.kept
    await office.erases(BEN)
    assert office.shelf.kept == set()


async def test_files_that_cannot_be_deleted_now_are_deleted_later(
    scene: Scene, office: Office
) -> None:
    _, media_id = await scene.sends_voice()
    await office.keeps(media_id)
    office.shelf.away = True
    erased = await office.contacts.erase((await office.place(),), "olga")
    assert erased.files_left == 1
    office.shelf.away = False
    await Office(scene).contacts.clean()  # of another process, that has another shelf
    assert await office.book.files_left(scene.now) == 0


async def test_a_file_that_comes_while_its_message_is_erased_is_dropped(
    scene: Scene, office: Office
) -> None:
    _, media_id = await scene.sends_voice()
    work = await office.takes(media_id)
    await office.erases()
    office.shelf.kept |= {media_key(SHA)}
    with pytest.raises(LostClaim):
        await office.stores(work)
    await scene.store.forsake_file(work.id, SHA, scene.now)
    await office.contacts.clean()
    assert office.shelf.kept == set()


async def test_a_file_lost_to_another_worker_is_nobodys_leftover(
    scene: Scene, office: Office
) -> None:
    _, media_id = await scene.sends_voice()
    work = await office.takes(media_id)
    await scene.store.forsake_file(work.id, SHA, scene.now)
    assert await office.rows(leftovers) == []


async def test_the_same_bytes_stored_anew_before_they_are_deleted_stay(
    scene: Scene, office: Office
) -> None:
    _, annas = await scene.sends_voice()
    await office.keeps(annas)
    await office.book.erase(await office.place(), "olga", scene.now)
    _, bens = await scene.sends_voice(BEN)
    await office.stores(await office.takes(bens))
    await office.contacts.clean()
    assert media_key(SHA) in office.shelf.kept


async def test_who_stores_bytes_that_are_being_deleted_has_to_store_them_again(
    scene: Scene, office: Office
) -> None:
    _, annas = await scene.sends_voice()
    await office.keeps(annas)
    office.shelf.away = True
    await office.erases()  # the deletion has begun, and may end at any time
    _, bens = await scene.sends_voice(BEN)
    work = await office.takes(bens)
    with pytest.raises(Unavailable):
        await office.stores(work)
    office.shelf.away = False
    await office.contacts.clean()
    with pytest.raises(Unavailable):  # stored perhaps before they were deleted
        await office.stores(work)
    await office.stores(work)
    await office.contacts.clean()
    assert await office.rows(leftovers) == []


# what the tests need


async def _change(scene: Scene, **values: Any) -> None:
    def change(tx: Connection) -> None:
        tx.execute(update(conversations).where(conversations.c.id == CHAT).values(**values))

    await scene.database.write(change)


async def _settle(scene: Scene, message_id: str) -> None:
    await scene.settles(Outbound(message_id, CHAT, LINE, ANNA, "one"), Sent("out_1"))


async def _end_lease(scene: Scene) -> None:
    """Its worker has died with the message in hand."""
    await scene.store.sign_off()
