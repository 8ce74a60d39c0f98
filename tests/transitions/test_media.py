"""Attachments and the turns that wait for them, as transitions."""

from datetime import timedelta
from pathlib import Path

import pytest

from bot.domain.media import Fetched, MediaState, MediaWork, Problem, Reading
from bot.domain.turn import Answered, Claimed, MadeBy, Nothing, NotYet, Reply
from bot.domain.work import MediaEnded, MediaLater, MediaTaken, SendLater
from bot.errors import LostClaim
from tests.transitions.scene import ANNA, BEN, HOUR_S, Scene, at, reply, thread

TOOK = timedelta(milliseconds=40)
SHA = "ab" * 32
OTHER_SHA = "cd" * 32
HEARD = Reading(text="a cake for Sunday", service="deepgram", model="nova-3", cost=0.01)


async def _fetch(scene: Scene, media_id: str) -> MediaWork:
    step = await scene.store.claim_media(media_id, scene.now)
    assert isinstance(step, MediaWork), step
    assert step.announced is not None
    return step


async def _store(scene: Scene, media_id: str, sha256: str = SHA) -> None:
    work = await _fetch(scene, media_id)
    fetched = Fetched(Path("unused"), sha256, 1000)
    await scene.store.keep_media(work, fetched, "audio/ogg", TOOK, scene.now)


async def _read(scene: Scene, media_id: str) -> MediaWork:
    step = await scene.store.claim_media(media_id, scene.now)
    assert isinstance(step, MediaWork), step
    assert step.announced is None
    return step


async def _hear(scene: Scene, media_id: str, reading: Reading = HEARD, sha256: str = SHA) -> None:
    await _store(scene, media_id, sha256)
    work = await _read(scene, media_id)
    assert isinstance(await scene.store.finish_media(work, reading, TOOK, scene.now), MediaEnded)


async def test_a_turn_waits_for_a_voice_note_and_then_begins_at_once(scene: Scene) -> None:
    conversation, media = await scene.sends_voice()
    assert await scene.store.claim_turn(conversation, scene.now) == NotYet(at(20))
    scene.at(2)
    await _hear(scene, media)
    turn = await scene.takes_turn(conversation)
    assert [entry.words for entry in turn.waiting] == ["a cake for Sunday"]


async def test_words_are_answered_at_the_maximum_wait_and_the_voice_note_later(
    scene: Scene,
) -> None:
    conversation, media = await scene.sends_voice()
    await scene.writes(text="hello?")
    scene.at(20)
    turn = await scene.takes_turn(conversation)
    assert [entry.text for entry in turn.waiting] == ["hello?"]
    assert [entry.kind for entry in turn.past] == ["voice"]
    answered, _ = await scene.store.answer_turn(turn, reply(), scene.now)
    assert answered is Answered.STORED
    scene.at(60)
    await _hear(scene, media)
    await _settle_all(scene, conversation)
    later = await scene.takes_turn(conversation)
    assert [entry.words for entry in later.waiting] == ["a cake for Sunday"]


async def _settle_all(scene: Scene, conversation: str) -> None:
    for row in await scene.outbound(conversation):
        assert row.status == "sending"
    await scene.delivered("msg_x")
    await scene.apply()


async def test_a_voice_note_alone_waits_as_long_as_it_takes(scene: Scene) -> None:
    conversation, media = await scene.sends_voice()
    scene.at(25)
    assert isinstance(await scene.store.claim_turn(conversation, scene.now), Nothing)
    assert (await scene.sweeps()).turns == ()
    scene.at(HOUR_S)
    await _hear(scene, media)
    assert (await scene.sweeps()).turns == (conversation,)
    await scene.takes_turn(conversation)


async def test_a_text_during_that_wait_has_its_own_quiet_period(scene: Scene) -> None:
    scene.settings(quiet_period=timedelta(seconds=3))
    conversation, _ = await scene.sends_voice()
    scene.at(25)
    assert isinstance(await scene.store.claim_turn(conversation, scene.now), Nothing)
    scene.at(100)
    await scene.writes(text="hello?")
    assert await scene.store.claim_turn(conversation, scene.now) == NotYet(at(103))


async def test_a_voice_note_while_the_bot_writes_replaces_what_it_writes(scene: Scene) -> None:
    conversation = await scene.writes(text="I want")
    turn = await scene.takes_turn(conversation)
    _, media = await scene.sends_voice()
    answered, _ = await scene.store.answer_turn(turn, reply(), scene.now)
    assert answered is Answered.SUPERSEDED
    scene.at(1)
    await _hear(scene, media)
    again = await scene.takes_turn(conversation)
    assert [entry.words for entry in again.waiting] == ["I want", "a cake for Sunday"]


async def test_a_claimed_file_is_nobody_elses(scene: Scene) -> None:
    _, media = await scene.sends_voice()
    await _fetch(scene, media)
    assert isinstance(await scene.store.claim_media(media, scene.now), MediaTaken)


async def test_a_dead_workers_file_is_taken_back_and_its_writes_are_refused(scene: Scene) -> None:
    _, media = await scene.sends_voice()
    work = await _fetch(scene, media)
    other = scene.another_worker()
    await scene.store.sign_off()
    await other.register(scene.now, sole=False)
    await other.mend(scene.now, frozenset())
    taken = await other.claim_media(media, scene.now)
    assert isinstance(taken, MediaWork)
    assert taken.interrupted
    with pytest.raises(LostClaim):
        await scene.store.keep_media(
            work, Fetched(Path("unused"), SHA, 1), "audio/ogg", TOOK, scene.now
        )


async def test_the_same_bytes_are_transcribed_once(scene: Scene) -> None:
    _, first = await scene.sends_voice()
    await _hear(scene, first)
    conversation, second = await scene.sends_voice(BEN)
    await _store(scene, second)
    assert await scene.store.claim_media(second, scene.now) == MediaEnded(conversation)
    (row,) = await scene.files(conversation)
    assert (row.state, row.text, row.cost) == ("ready", "a cake for Sunday", None)


async def test_bytes_that_are_being_transcribed_are_waited_for(scene: Scene) -> None:
    _, first = await scene.sends_voice()
    await _store(scene, first)
    await _read(scene, first)
    _, second = await scene.sends_voice(BEN)
    await _store(scene, second)
    assert isinstance(await scene.store.claim_media(second, scene.now), MediaLater)


async def test_a_note_that_no_service_understood_is_tried_again_when_it_comes_again(
    scene: Scene,
) -> None:
    _, first = await scene.sends_voice()
    await _hear(scene, first, Reading(Problem.UNHEARD, "answered 400"))
    _, second = await scene.sends_voice(BEN)
    await _store(scene, second)
    await _read(scene, second)


async def test_an_address_is_forgotten_once_the_bytes_are_ours(scene: Scene) -> None:
    conversation, media = await scene.sends_voice()
    await _store(scene, media)
    (row,) = await scene.files(conversation)
    assert row.url is None
    assert row.state == MediaState.STORED


async def test_an_outage_is_not_counted_and_a_404_is(scene: Scene) -> None:
    scene.settings(max_attempts=2)
    conversation, media = await scene.sends_voice()
    for _ in range(5):
        work = await _fetch(scene, media)
        later = await scene.store.release_media(work, "no connection", scene.now)
        assert isinstance(later, MediaLater)
        scene.now = later.at
    for last in (False, True):
        work = await _fetch(scene, media)
        end = await scene.store.release_media(
            work, "answered 404", scene.now, counted=Problem.MISSING
        )
        assert isinstance(end, MediaEnded) == last
        if isinstance(end, MediaLater):
            scene.now = end.at
    (row,) = await scene.files(conversation)
    assert (row.state, row.problem) == ("failed", "missing")


async def test_a_file_that_cannot_be_had_is_answered_and_a_dead_letter(scene: Scene) -> None:
    conversation, media = await scene.sends_voice()
    await scene.writes(text="did you hear?")
    work = await _fetch(scene, media)
    wrong = Reading(Problem.WRONG_HASH, "not the announced bytes")
    await scene.store.finish_media(work, wrong, TOOK, scene.now)
    turn = await scene.takes_turn(conversation)
    assert len(turn.waiting) == 2
    await scene.store.answer_turn(turn, reply(), scene.now)
    (voice, _), (text, _) = await scene.inbox(conversation)
    assert (voice, text) == ("dead", "done")
    assert (await scene.conversation(conversation)).needs_attention


async def test_a_replayed_dead_letter_fetches_its_file_again(scene: Scene) -> None:
    conversation, media = await scene.sends_voice()
    work = await _fetch(scene, media)
    wrong = Reading(Problem.WRONG_HASH, "not the announced bytes")
    await scene.store.finish_media(work, wrong, TOOK, scene.now)
    await scene.answers(conversation)
    await scene.store.replay(await scene.event_id(conversation), "olga", scene.now)
    assert (await scene.sweeps()).media == (media,)
    await _hear(scene, media)


async def test_an_address_that_ran_out_is_never_used(scene: Scene) -> None:
    conversation, media = await scene.sends_voice()
    scene.at(24 * HOUR_S + 1)
    assert await scene.store.claim_media(media, scene.now) == MediaEnded(conversation, expired=True)
    (row,) = await scene.files(conversation)
    assert (row.state, row.problem, row.url) == ("failed", "expired", None)


async def test_an_outage_calls_a_person_once(scene: Scene) -> None:
    conversation, media = await scene.sends_voice()
    calls = 0
    while scene.now < at(2 * HOUR_S):
        work = await _fetch(scene, media)
        later = await scene.store.release_media(work, "no connection", scene.now)
        assert isinstance(later, MediaLater)
        scene.now = later.at
        calls += (await scene.conversation(conversation)).needs_attention
        await scene.store.attend(conversation, "olga", scene.now)
    assert calls == 1


async def test_media_are_read_while_a_person_has_the_conversation(scene: Scene) -> None:
    conversation = await scene.writes()
    await scene.answers(conversation)
    await scene.pauses(conversation)
    _, media = await scene.sends_voice()
    assert (await scene.sweeps()).media == (media,)
    await _hear(scene, media)
    assert (await scene.sweeps()).turns == ()
    (row,) = await scene.files(conversation)
    assert row.text == "a cake for Sunday"


async def test_what_a_customer_takes_back_is_not_answered(scene: Scene) -> None:
    conversation = await scene.writes(text="secret")
    await scene.changes("message.deleted")
    await scene.apply()
    assert isinstance(await scene.store.claim_turn(conversation, scene.now), Nothing)
    assert await scene.inbox(conversation) == [("skipped", "deleted by the customer")]


async def test_a_change_replaces_the_answer_that_is_being_written(scene: Scene) -> None:
    conversation = await scene.writes(text="two cakes")
    turn = await scene.takes_turn(conversation)
    await scene.changes("message.edited", text="three cakes")
    assert await scene.apply() == {conversation}
    answered, _ = await scene.store.answer_turn(turn, reply(), scene.now)
    assert answered is Answered.SUPERSEDED
    again = await scene.takes_turn(conversation)
    assert [(entry.text, entry.edited) for entry in again.waiting] == [("three cakes", True)]


async def test_a_change_after_the_answer_is_only_recorded(scene: Scene) -> None:
    conversation = await scene.writes(text="two cakes")
    await scene.answers(conversation)
    await scene.changes("message.edited", text="three cakes")
    assert await scene.apply() == frozenset()
    assert isinstance(await scene.store.claim_turn(conversation, scene.now), Nothing)


async def test_nobody_changes_what_another_has_written(scene: Scene) -> None:
    conversation = await scene.writes(text="two cakes")
    await scene.changes("message.edited", text="no cakes", sender=BEN)
    await scene.apply()
    scene.pass_time(10)
    await scene.apply()
    turn = await scene.takes_turn(conversation)
    assert [entry.text for entry in turn.waiting] == ["two cakes"]


async def test_a_quoted_voice_note_is_quoted_by_its_words(scene: Scene) -> None:
    conversation, media = await scene.sends_voice()
    await _hear(scene, media)
    voice = scene.last_message_id
    await scene.writes(text="I meant this", quoted={"id": voice})
    claim = await scene.store.claim_turn(conversation, scene.now)
    assert isinstance(claim, Claimed)
    assert claim.turn.waiting[-1].quoted == "a voice note: a cake for Sunday"


async def test_what_was_taken_back_is_not_told_by_quoting_it(scene: Scene) -> None:
    conversation = await scene.writes(text="my secret")
    await scene.answers(conversation)
    quoted = scene.last_message_id
    await scene.changes("message.deleted")
    await scene.apply()
    await scene.writes(text="forget this", quoted={"id": quoted, "text": "my secret"})
    await scene.delivered("msg_x")
    await scene.apply()
    turn = await scene.takes_turn(conversation)
    assert turn.waiting[0].quoted == "a message that was deleted"


async def test_what_was_said_elsewhere_is_not_quoted(scene: Scene) -> None:
    await scene.writes(BEN, text="my secret")
    theirs = scene.last_message_id
    conversation = await scene.writes(ANNA, text="what is this?", quoted={"id": theirs})
    turn = await scene.takes_turn(conversation)
    assert turn.waiting[0].quoted is None
    assert thread(ANNA) == conversation


async def _held_answer(scene: Scene) -> str:
    """A conversation whose answer waits for its line."""
    conversation = await scene.writes(text="how much is it?")
    await scene.arrives("line.disconnected")
    await scene.apply()
    assert await scene.stores(conversation, "3.50") is None
    assert await scene.outbox(conversation) == [("bot", "held")]
    return conversation


@pytest.mark.parametrize("has_seen_all", [True, False])
async def test_only_an_answer_that_has_seen_all_replaces_one_that_waits(
    scene: Scene, has_seen_all: bool
) -> None:
    conversation = await _held_answer(scene)
    await scene.writes(text="hello?")
    turn = await scene.takes_turn(conversation)
    made = Reply(("more",), MadeBy(), has_seen_all=has_seen_all)
    await scene.store.answer_turn(turn, made, scene.now)
    first = "cancelled" if has_seen_all else "held"
    assert await scene.outbox(conversation) == [("bot", first), ("bot", "held")]


async def test_an_answer_that_waits_survives_a_turn_without_words(scene: Scene) -> None:
    conversation = await _held_answer(scene)
    await scene.writes(type="poll")
    turn = await scene.takes_turn(conversation)
    await scene.store.skip_turn(turn, "nothing to say", scene.now)
    await scene.arrives("line.ready")
    await scene.apply()
    assert (await scene.sends(conversation)).text == "3.50"


async def test_nothing_leaves_while_an_answer_that_may_replace_it_is_written(
    scene: Scene,
) -> None:
    conversation = await _held_answer(scene)
    await scene.writes(text="hello?")
    turn = await scene.takes_turn(conversation)
    await scene.arrives("line.ready")
    await scene.apply()
    assert await scene.store.claim_reply(conversation, scene.now) == SendLater()
    made = Reply(("all of it",), MadeBy(), has_seen_all=True)
    _, to_send = await scene.store.answer_turn(turn, made, scene.now)
    assert to_send is not None
    assert to_send.text == "all of it"


async def test_a_file_that_never_comes_delays_later_words_no_longer(scene: Scene) -> None:
    conversation, _ = await scene.sends_voice()
    scene.at(30)
    assert isinstance(await scene.store.claim_turn(conversation, scene.now), Nothing)
    scene.at(100)
    await scene.writes(text="hello?")
    turn = await scene.takes_turn(conversation)
    assert [entry.text for entry in turn.waiting] == ["hello?"]


async def test_of_one_conversation_only_some_files_are_brought_on_at_once(scene: Scene) -> None:
    files = [(await scene.sends_voice())[1] for _ in range(4)]
    for media in files[:3]:
        await _fetch(scene, media)
    assert isinstance(await scene.store.claim_media(files[3], scene.now), MediaLater)
    _, other = await scene.sends_voice(BEN)
    await _fetch(scene, other)


async def test_a_paid_transcript_counts_even_if_the_claim_was_lost(scene: Scene) -> None:
    conversation, media = await scene.sends_voice()
    await _store(scene, media)
    work = await _read(scene, media)
    other = scene.another_worker()
    await scene.store.sign_off()
    await other.register(scene.now, sole=False)
    await other.mend(scene.now, frozenset())
    assert isinstance(await other.claim_media(media, scene.now), MediaWork)
    await scene.store.finish_media(work, HEARD, TOOK, scene.now)
    (row,) = await scene.files(conversation)
    assert (row.state, row.text) == ("ready", "a cake for Sunday")


async def test_a_service_that_says_no_for_good_calls_a_person_and_can_be_replayed(
    scene: Scene,
) -> None:
    scene.settings(max_attempts=1)
    conversation, media = await scene.sends_voice()
    await _store(scene, media)
    work = await _read(scene, media)
    end = await scene.store.release_media(
        work, "answered 401: check the key", scene.now, counted=Problem.UNHEARD
    )
    assert end == MediaEnded(conversation)
    assert (await scene.conversation(conversation)).needs_attention
    await scene.answers(conversation)
    assert [state for state, _ in await scene.inbox(conversation)] == ["dead"]
    await scene.store.replay(await scene.event_id(conversation), "olga", scene.now)
    (row,) = await scene.files(conversation)
    assert row.state == "stored"


async def test_a_file_that_workers_die_over_is_given_up(scene: Scene) -> None:
    scene.settings(max_attempts=2)
    conversation, media = await scene.sends_voice()
    await _store(scene, media)
    for _ in range(2):
        dead = scene.another_worker()
        await dead.register(scene.now, sole=False)
        assert isinstance(await dead.claim_media(media, scene.now), MediaWork)
        await dead.sign_off()
        await scene.store.mend(scene.now, frozenset())
    assert await scene.store.claim_media(media, scene.now) == MediaEnded(conversation)
    (row,) = await scene.files(conversation)
    assert (row.state, row.problem) == ("failed", "unreadable")
