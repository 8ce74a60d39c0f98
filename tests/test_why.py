"""`bot why` and `GET /api/why/{id}`: the whole way of one event or message, and nobody's words."""

import json
import re
from datetime import UTC, datetime
from typing import Any

import pytest

from bot.domain.opening_hours import DAYS
from bot.domain.way import Step
from tests.conftest import NewBot
from tests.harness import Answer, Bot, Customer, Gate, Send, eventually, fail, hand_off, say
from tests.harness.bot_process import FALLBACK, PROMPT, TOKEN
from tests.samples import voices

ROSA = "+15559990021"
SECRET = "zanahoria"
"""A word that customers and people write, and that no way may tell."""
PROMPTS = {
    "default": f"{PROMPT}hand_off:\n  when: the customer complains\n  keywords: [human]\n"
    f"  say: One moment, {SECRET}.\naway: We are closed, {SECRET}.\n"
}
SETTINGS: dict[str, Any] = {
    "takeover": {"operators": [ROSA]},
    "line_api": {"timeout_s": 2, "uncertain_wait_s": 0.3},
    "retry": {"max_attempts": 1, "base_delay_s": 0.05, "max_delay_s": 0.2},
    "llm": {"prices": {"scripted-model": {"input": 1, "output": 2}}},
}
QUIET = {**SETTINGS, "conversation": {"quiet_period_s": 0.5, "max_wait_s": 5}}
NOT_READY = Answer(409, {"error": "line_not_ready", "message": "scan the code again"})


async def _why(bot: Bot, named: str) -> Any:
    """The way, checked for what every way has to keep to."""
    way = await bot.api("GET", f"/api/why/{named}")
    assert set(way) == {
        *("id", "kind", "line_id", "contact", "conversation_id", "event", "end", "steps")
    }
    assert all(set(step) == {"at", "step", "detail", "ms"} for step in way["steps"])
    assert {step["step"] for step in way["steps"]} <= set(Step)
    times = [step["at"] for step in way["steps"] if step["at"] is not None]
    assert times == sorted(times)
    assert all(step["ms"] is None or step["ms"] >= 0 for step in way["steps"])
    assert SECRET not in json.dumps(way)
    assert not re.search(r"\+\d{6}", json.dumps(way["steps"]))
    return way


def _steps(way: Any) -> list[str]:
    return [step["step"] for step in way["steps"]]


def _step(way: Any, name: str) -> Any:
    """The only step of this name."""
    (found,) = [step for step in way["steps"] if step["step"] == name]
    return found


async def _when(bot: Bot, named: str, name: str) -> Any:
    """The way, once it has come to this step."""

    async def come() -> Any:
        way = await _why(bot, named)
        assert name in _steps(way), way["steps"]
        return way

    return await eventually(come, 15)


async def _path(bot: Bot, customer: Customer, call: str = "") -> str:
    return f"/api/conversations/{(await bot.conversation(customer))['id']}{call}"


async def _sent_last(bot: Bot, customer: Customer) -> Any:
    return [one for one in await bot.messages(customer) if one["direction"] == "out"][-1]


# what it tells


async def test_a_plain_answer_is_told_from_the_webhook_to_the_phone(bot: Bot) -> None:
    ana = bot.provider.customer()
    (event_id,) = await ana.writes(f"how much is {SECRET}?")
    await ana.reads()
    await _when(bot, event_id, "sent")
    await bot.handled(await bot.provider.delivered(ana.number, ana.attempts[0].provider_id))
    way = await _when(bot, event_id, "delivered")
    assert _steps(way) == [
        *("received", "stored", "waited", "claimed", "model", "answered", "ended"),
        *("queued", "tried", "sent", "delivered"),
    ]
    assert (way["kind"], way["contact"], way["line_id"]) == ("event", ana.number, "ln_test")
    assert way["id"] == way["event"]["id"]
    reply = await _sent_last(bot, ana)
    assert way["end"] == {"state": "done", "reason": f"answered by {reply['id']}"}
    assert _step(way, "received")["detail"] == f"message.received, {event_id}"
    model = _step(way, "model")
    assert model["detail"].startswith("scripted-model, prompt default ")
    assert model["detail"].endswith("20 tokens in, 5 out, cost 3e-05")
    assert model["ms"] > 0
    assert ana.attempts[0].provider_id in _step(way, "sent")["detail"]


async def test_it_is_asked_by_any_id_of_the_event_and_of_both_messages(bot: Bot) -> None:
    ana = bot.provider.customer()
    provider_id = f"msg_{ana.number[1:]}"
    (event_id,) = await ana.writes("hello", id=provider_id)
    await ana.reads()
    event = await _when(bot, event_id, "sent")
    asked, answered = await bot.messages(ana)
    assert await _why(bot, event["id"]) == event
    inbound = await _why(bot, asked["id"])
    assert (inbound["kind"], inbound["id"]) == ("message", asked["id"])
    assert (inbound["event"], inbound["end"]) == (event["event"], event["end"])
    assert inbound["steps"] == event["steps"]
    assert await _why(bot, provider_id) == inbound
    outbound = await _why(bot, answered["id"])
    assert (outbound["kind"], outbound["event"]) == ("message", None)
    assert outbound["end"] == {"state": "sent", "reason": "the line took it"}
    assert _steps(outbound) == ["claimed", "model", "answered", "queued", "tried", "sent"]
    assert asked["id"] in _step(outbound, "claimed")["detail"]
    assert await _why(bot, answered["provider_id"]) == outbound


async def test_of_a_burst_every_message_says_which_answer_it_got(new_bot: NewBot) -> None:
    bot = await new_bot(settings=QUIET, prompts=PROMPTS)
    ana = bot.provider.customer()
    ids = await ana.writes("hello", "are you open", "on Sunday?")
    await bot.handled(*ids)
    ways = [await _why(bot, event_id) for event_id in ids]
    messages = await bot.messages(ana)
    last, reply = messages[2]["id"], messages[3]["id"]
    assert [way["end"]["reason"] for way in ways] == [
        f"merged into {last}, answered by {reply}",
        f"merged into {last}, answered by {reply}",
        f"answered by {reply}",
    ]
    for way in ways:
        assert _step(way, "answered")["detail"] == "answered together with 2 others"
        assert "together with 2 others" in _step(way, "claimed")["detail"]
    assert _step(ways[2], "waited")["ms"] >= 500


async def test_a_message_that_came_while_the_model_wrote_shows_the_dropped_answer(
    bot: Bot,
) -> None:
    ana = bot.provider.customer()
    gate = Gate()
    bot.llm.plan_calls(say("too early", gate=gate), about=f"{SECRET} first")
    (first,) = await ana.writes(f"{SECRET} first")
    await gate.reached()
    (second,) = await ana.writes(f"{SECRET} second")
    gate.open()
    await bot.handled(first, second)
    way = await _why(bot, first)
    names = [name for name in _steps(way) if name in {"claimed", "superseded", "answered"}]
    assert names == ["claimed", "superseded", "claimed", "answered"]
    assert way["end"]["reason"].startswith("merged into ms_")
    assert _steps(await _why(bot, second)).count("claimed") == 1


async def test_a_voice_note_shows_what_its_file_took(bot: Bot) -> None:
    ana = bot.provider.customer()
    bot.speech.hears(f"do you have {SECRET}?", "es")
    media = bot.media.serve(voices.voice_ogg(1.3), media_type="audio/ogg")
    event_id = await ana.sends("voice", media, filename=f"{SECRET}.ogg")
    await ana.reads()
    way = await _when(bot, event_id, "sent")
    names = _steps(way)
    assert names.index("fetched") < names.index("read") < names.index("claimed")
    fetched, read = _step(way, "fetched"), _step(way, "read")
    assert fetched["detail"].startswith("audio/ogg, ")
    assert read["detail"].startswith("transcribed by deepgram nova-3, language es, 1.3 s long")
    assert fetched["ms"] is not None
    assert read["ms"] > 0


async def test_a_file_that_cannot_be_had_is_a_dead_letter_with_its_reason(bot: Bot) -> None:
    ana = bot.provider.customer()
    media = bot.media.serve(voices.voice_ogg(1.7), media_type="audio/ogg")
    event_id = await ana.sends("voice", {**media, "sha256": "0" * 64})
    await ana.reads()
    (event,) = await bot.handled(event_id)
    way = await _why(bot, event_id)
    assert "could not be had, wrong_hash" in _step(way, "fetched")["detail"]
    assert (way["end"]["state"], event["state"]) == ("dead", "dead")
    assert way["end"]["reason"].startswith("media: answered without it by re_")
    assert "prompt" in _steps(way)  # no model was asked


async def test_what_was_written_to_a_person_says_who_had_it_and_why(bot: Bot) -> None:
    ana = bot.provider.customer()
    await bot.handled(*await ana.writes("good morning"))
    await bot.api("POST", await _path(bot, ana, "/pause"), {"reason": "a complaint"})
    (event_id,) = await ana.writes("is anybody there?")
    way = await _why(bot, event_id)
    assert _steps(way) == ["paused", "received", "stored", "waiting"]
    assert way["end"] is None
    assert "a complaint" in _step(way, "paused")["detail"]
    assert "a person has the conversation" in _step(way, "waiting")["detail"]
    await bot.api("POST", await _path(bot, ana, "/resume"))
    way = await _why(bot, event_id)
    assert _steps(way) == ["paused", "received", "stored", "resumed", "ended"]
    assert way["end"] == {"state": "skipped", "reason": "paused"}


async def test_a_person_who_writes_first_is_the_answer(bot: Bot) -> None:
    ana = bot.provider.customer()
    gate = Gate()
    bot.llm.plan_calls(say("too late", gate=gate), about=f"slow {SECRET}")
    (event_id,) = await ana.writes(f"slow {SECRET}")
    await gate.reached()
    body = {"text": f"I take this, {SECRET}"}
    sent = await bot.api("POST", await _path(bot, ana, "/messages"), body)
    gate.open()
    await ana.reads()
    way = await _when(bot, event_id, "drafted")
    assert way["end"] == {"state": "done", "reason": "answered by a person"}
    assert "wrote" in _steps(way)
    assert "kept as a draft, a person took over" in _step(way, "cancelled")["detail"]
    own = await _when(bot, sent["id"], "sent")
    assert (own["kind"], own["event"], own["id"]) == ("message", None, sent["id"])
    assert "written by operator" in _step(own, "queued")["detail"]


async def test_a_paused_line_is_named_too(bot: Bot) -> None:
    ana = bot.provider.customer(line_id="ln_stopped")
    await bot.handled(*await ana.writes("good morning"))
    await bot.api("POST", "/api/lines/ln_stopped/pause", {"reason": "stock-taking"})
    (event_id,) = await ana.writes("hello?")
    way = await _when(bot, event_id, "waiting")
    assert "the whole line" in _step(way, "paused")["detail"]
    assert "stock-taking" in _step(way, "paused")["detail"]
    await bot.api("POST", "/api/lines/ln_stopped/resume")
    assert (await _why(bot, event_id))["end"]["reason"] == "paused"


async def test_what_waits_for_the_bots_hours_says_so(new_bot: NewBot) -> None:
    day = DAYS[(datetime.now(UTC).weekday() + 3) % 7]
    hours = {"bot_answers": "in_hours", "hours": {day: ["00:00-24:00"]}}
    bot = await new_bot(settings={**SETTINGS, "business": hours}, prompts=PROMPTS)
    ana = bot.provider.customer()
    (event_id,) = await ana.writes("do you have bread?")
    await ana.reads()
    way = await _when(bot, event_id, "sent")  # the words for the meantime
    assert _steps(way)[:5] == ["received", "stored", "waited", "claimed", "deferred"]
    waiting = way["steps"][-1]
    assert (way["end"], waiting["step"]) == (None, "waiting")
    assert datetime.fromisoformat(waiting["at"]) > datetime.now(UTC)


async def test_what_the_bot_leaves_to_a_person_says_why(new_bot: NewBot) -> None:
    limits = {"limits": {"replies_per_contact_per_hour": 1}}
    bot = await new_bot(settings={**SETTINGS, **limits}, prompts=PROMPTS)
    ana = bot.provider.customer()
    await bot.handled(*await ana.writes("one"))
    await ana.reads()
    (event_id,) = await ana.writes("two")
    await bot.handled(event_id)
    way = await _why(bot, event_id)
    assert way["end"] == {"state": "skipped", "reason": "over limit: replies per hour"}
    assert "over limit: replies per hour" in _step(way, "declined")["detail"]
    assert "attention" in _steps(way)


async def test_a_dead_letter_shows_its_error_and_who_gave_it_another_try(bot: Bot) -> None:
    ana = bot.provider.customer()
    bot.llm.plan_calls(fail(400), about=f"hard {SECRET}")
    (event_id,) = await ana.writes(f"hard {SECRET}")
    await ana.reads()
    await bot.handled(event_id)
    way = await _when(bot, event_id, "sent")
    assert way["end"] == {"state": "dead", "reason": "no reply could be made"}
    assert "400" in _step(way, "failed")["detail"]
    assert "400" in _step(way, "ended")["detail"]
    assert _steps(way).index("failed") < _steps(way).index("queued")  # the fallback
    assert ana.read == [FALLBACK]
    await bot.api("POST", f"/api/events/{way['id']}/replay")
    await ana.reads(2)
    again = await _why(bot, event_id)
    names = [n for n in _steps(again) if n in {"failed", "replayed", "answered", "attention"}]
    assert names == ["failed", "attention", "replayed", "answered"]
    assert _step(again, "replayed")["detail"] == "by operator"
    assert again["end"]["state"] == "done"


async def test_a_hand_off_shows_who_was_called(bot: Bot) -> None:
    ana = bot.provider.customer()
    bot.llm.plan_calls(hand_off("wants a refund", SECRET), about=f"money {SECRET}")
    (event_id,) = await ana.writes(f"money {SECRET}")
    await ana.reads()
    way = await _when(bot, event_id, "sent")
    assert "by bot" in _step(way, "paused")["detail"]
    assert "wants a refund" in _step(way, "attention")["detail"]
    assert way["end"]["reason"].startswith("answered by re_")
    told = await _when(bot, (await _notice(bot, ana)).provider_id, "sent")
    assert (told["contact"], told["event"]) == (ROSA, None)
    assert f"about {way['conversation_id']}" in _step(told, "queued")["detail"]


async def _notice(bot: Bot, about: Customer) -> Send:
    def come() -> Send:
        found = [one for one in bot.provider.taken_for(ROSA) if about.number in one.text]
        assert found
        return found[-1]

    return await eventually(come)


async def test_a_held_reply_says_why_it_was_late_after_it_has_left_too(bot: Bot) -> None:
    ana = bot.provider.customer(line_id="ln_held")
    bot.provider.plan_sends(NOT_READY, to=ana.number)
    (event_id,) = await ana.writes("hello")
    way = await _when(bot, event_id, "held")
    assert "scan the code again" in _step(way, "held")["detail"]
    assert "scan the code again" in _step(way, "waiting")["detail"]
    reply = await _sent_last(bot, ana)
    assert (await _why(bot, reply["id"]))["end"] is None
    await bot.provider.line_ready("ln_held")
    await ana.reads()
    way = await _when(bot, event_id, "sent")
    names = _steps(way)
    assert names.index("tried") < names.index("held") < names.index("sent")
    assert "scan the code again" in _step(way, "held")["detail"]
    assert _step(way, "sent")["detail"].endswith("try 2")
    assert "waiting" not in names


async def test_a_reply_that_was_replaced_leads_to_the_one_in_its_place(bot: Bot) -> None:
    ana = bot.provider.customer(line_id="ln_replaced")
    await bot.provider.line_disconnected("ln_replaced")
    (first,) = await ana.writes("first")
    await bot.handled(first)
    (second,) = await ana.writes("second")
    await bot.handled(second)
    await bot.provider.line_ready("ln_replaced")
    await ana.reads()
    way = await _when(bot, first, "sent")
    earlier, later = [one for one in await bot.messages(ana) if one["direction"] == "out"]
    assert way["end"]["reason"] == f"answered by {earlier['id']}"
    cancelled = _step(way, "cancelled")["detail"]
    assert cancelled.startswith(f"{earlier['id']}, replaced by an answer that has seen newer")
    assert later["id"] in cancelled
    assert later["id"] in _step(way, "sent")["detail"]
    assert (await _why(bot, earlier["id"]))["end"]["state"] == "cancelled"


async def test_a_rejected_reply_and_a_lost_one_tell_their_ends(bot: Bot) -> None:
    ana = bot.provider.customer()
    rejection = {"error": "invalid", "message": f"no such number {ana.number}"}
    bot.provider.plan_sends(Answer(422, rejection), to=ana.number)
    (event_id,) = await ana.writes("hello")
    way = await _when(bot, event_id, "rejected")
    assert "(invalid)" in _step(way, "rejected")["detail"]
    assert "no such number" in _step(way, "rejected")["detail"]
    assert (await _why(bot, (await _sent_last(bot, ana))["id"]))["end"]["state"] == "failed"


async def test_an_operators_command_shows_what_was_carried_out(bot: Bot) -> None:
    rosa, ana = bot.provider.customer(number=ROSA), bot.provider.customer()
    await bot.handled(*await ana.writes("good morning"))
    number = ana.number[1:]
    (paused,) = await rosa.writes(f"#pause +{number} 2h", profile_name="Rosa")
    await bot.handled(paused)
    way = await _when(bot, paused, "sent")
    conversation = (await bot.conversation(ana))["id"]
    assert way["end"] == {"state": "done", "reason": "operator: pauseone"}
    assert way["contact"] == ROSA
    assert _step(way, "paused")["detail"].startswith("by Rosa (WhatsApp), until ")
    carried_out = _step(way, "carried out")["detail"]
    assert carried_out == f"operator: pauseone, in {conversation}"
    (wrote,) = await rosa.writes(f"#{(await bot.conversation(ana))['number']} {SECRET}")
    await ana.reads(2)
    way = await _when(bot, wrote, "wrote")
    queued = [step["detail"][:3] for step in way["steps"] if step["step"] == "queued"]
    assert queued == ["op_", "no_"]
    (refused,) = await rosa.writes("#pause 999999")
    await bot.handled(refused)
    assert (await _why(bot, refused))["end"]["reason"] == "operator: pauseone, refused"


async def test_what_is_not_answered_says_why(bot: Bot) -> None:
    ana = bot.provider.customer()
    event = ana.event("hello")
    again = {**event, "id": f"{event['id']}_again"}
    group = ana.event("hello all", group_id="g1")
    for one in (event, again, group):
        await bot.provider.deliver(one)
    ready = await bot.provider.line_ready("ln_quiet")
    await bot.handled(event["id"], again["id"], group["id"], ready)
    reasons = [(await _why(bot, one))["end"]["reason"] for one in (again["id"], group["id"], ready)]
    assert reasons == ["duplicate", "group", "line ready"]
    assert _steps(await _why(bot, ready)) == ["received", "stored", "ended"]


async def test_a_person_on_the_lines_phone_is_told(bot: Bot) -> None:
    ana = bot.provider.customer()
    (asked,) = await ana.writes("good morning")
    await _when(bot, asked, "sent")
    content = {"id": f"own_{ana.number[1:]}", "to": ana.number, "type": "text", "text": SECRET}
    event = {"event": "message.sent", "id": f"evt_own_{ana.number[1:]}", "line_id": "ln_test"}
    await bot.provider.deliver({**event, "message": content})
    await bot.handled(event["id"], timeout_s=20)
    way = await _why(bot, content["id"])
    assert (way["kind"], way["event"]["id"]) == ("message", (await _why(bot, event["id"]))["id"])
    assert way["end"]["reason"] == "a person wrote on the line's phone"
    assert "by phone" in _step(way, "wrote")["detail"]


# who may ask, and for what


@pytest.mark.parametrize(
    ("named", "status"),
    [
        ("ev_none", 404),
        ("nobody-knows", 404),
        ("' OR 1=1 --", 404),
        ("%25", 404),
        ("_", 404),
        ("..", 404),
        ("..%2f..%2fetc%2fpasswd", 404),
        ("%2e%2e%2f", 404),
        ("a%00b", 400),
        ("x" * 10_000, 422),
        ("%F0%9F%92%A9", 404),
        ("%ff", 404),
    ],
)
async def test_an_odd_id_is_refused_and_not_repeated(bot: Bot, named: str, status: int) -> None:
    headers = {"Authorization": f"Bearer {TOKEN}"}
    answer = await bot.http("GET", f"/api/why/{named}", headers=headers)
    assert answer.status_code == status, answer.text
    assert set(answer.json()) == {"error", "message"}
    for sent in ("none", "nobody", "OR 1", "passwd", "xxx"):
        assert sent not in answer.text


async def test_without_a_token_nothing_is_told(bot: Bot) -> None:
    ana = bot.provider.customer()
    (event_id,) = await ana.writes("hello")
    for named in (event_id, "ev_none"):
        answer = await bot.http("GET", f"/api/why/{named}")
        assert answer.status_code == 401
        assert event_id not in answer.text


# from a shell


async def test_the_shell_prints_a_column_of_steps_or_the_apis_answer(bot: Bot) -> None:
    ana = bot.provider.customer()
    (event_id,) = await ana.writes(f"how much is {SECRET}?")
    await ana.reads()
    way = await _when(bot, event_id, "sent")
    printed = await bot.cli("why", event_id)
    assert (printed.exit_code, printed.stderr) == (0, "")
    head, columns, *rows = printed.stdout.splitlines()
    assert head.startswith(f"event {way['id']} on ln_test, {ana.number}: done, answered by re_")
    assert columns.split() == ["WHEN", "TOOK", "STEP", "WHAT"]
    assert len(rows) == len(way["steps"])
    assert re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3} +received +\S.*", rows[0])
    assert SECRET not in printed.stdout
    as_json = await bot.cli("why", way["id"], "--json")
    assert as_json.json == way
    assert as_json.stdout.isascii()


@pytest.mark.parametrize("named", ["ev_none", "../../etc/passwd", "x" * 10_000, "\udcff", "-1"])
async def test_the_shell_says_that_nothing_has_an_id_in_one_line(bot: Bot, named: str) -> None:
    ended = await bot.cli("why", "--", named)
    assert (ended.exit_code, ended.stdout) == (1, "")
    assert ended.stderr == "there is no event or message with this id\n"
