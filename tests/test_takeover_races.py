"""Nobody can make the bot speak while a person does: the real processes, at random moments.

Guests ask something; at a random moment of the model's or the line's answer somebody takes over.
From the acknowledgement on, which is taken on the same clock as the line's requests, no words of
the bot's are posted to that guest until somebody hands back.
"""

import asyncio
import math
import random
import re
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest

from bot.adapters.db.foreign import TAKEN_OVER
from tests.conftest import NewBot
from tests.harness import Answer, Behaviour, Bot, Customer, Drop, Send, eventually, say
from tests.harness.llm import words_of

pytestmark = pytest.mark.slow

SEED = 20_260_302
ROSA = "+15559990021"
LINE = "ln_test"
GOODBYE = "One moment, a person will write to you."
FAREWELL = "You will hear no more from us."
LAST_WORDS = {"keyword": GOODBYE, "stop": FAREWELL}
PROMPTS = {
    "default": f"""\
name: Test shop
instructions: |
  You answer for a test shop.
hand_off:
  keywords: [human]
  say: {GOODBYE}
opt_out:
  say: {FAREWELL}
"""
}
SETTINGS: dict[str, Any] = {
    "takeover": {"operators": [ROSA]},
    "line_api": {"timeout_s": 2, "uncertain_wait_s": 0.3},
    "retry": {"base_delay_s": 0.1, "max_delay_s": 1},
}


@dataclass
class Silence:
    """Acknowledged at `since`, over at `until`; what was on its way then may still arrive once."""

    how: str
    since: float
    until: float = math.inf
    on_its_way: frozenset[str] = frozenset()
    """Keys of messages."""


@dataclass
class Guest:
    """A customer, and who takes them over."""

    customer: Customer
    kind: str
    rng: random.Random
    number: str = ""
    """What operators call them: `#3`."""
    silences: list[Silence] = field(default_factory=list)
    asked: int = 0

    @property
    def bots(self) -> list[Send]:
        """Every attempt to send the bot's words, oldest first."""
        return [send for send in self.customer.attempts if str(send.key).startswith("re")]


class Party:
    """The guests, and the bot that answers them."""

    def __init__(self, bot: Bot, seed: str) -> None:
        self.bot = bot
        self.seed = seed
        self.rng = _seeded(seed)
        self.everything: list[Silence] = []
        self.seen: Counter[str] = Counter()

    def invite(self, number: int) -> Guest:
        kind = list(TAKE_OVER)[number % len(TAKE_OVER)]
        line = f"ln_{number}" if kind == "line" else LINE
        customer = self.bot.provider.customer(line_id=line)
        return Guest(customer, kind, _seeded(f"{self.seed}/{number}"))

    async def conversation(self, guest: Guest) -> Any:
        return await self.bot.conversation(guest.customer)

    async def post(self, path: str, body: Any = None) -> tuple[Any, float]:
        """An operator's call, and when it was acknowledged."""
        answer = await self.bot.api("POST", path, body)
        return answer, time.monotonic()

    async def of_guest(self, guest: Guest, action: str, body: Any = None) -> tuple[Any, float]:
        conversation = await self.conversation(guest)
        return await self.post(f"/api/conversations/{conversation['id']}/{action}", body)

    async def silence(self, how: str, guest: Guest) -> Silence:
        """It is acknowledged already; what has been handed out before may still arrive."""
        messages = await self.bot.messages(guest.customer)
        handed_out = frozenset(one["id"] for one in messages if one["status"] == "sending")
        return Silence(how, time.monotonic(), on_its_way=handed_out)

    async def asks(self, guest: Guest) -> None:
        guest.asked += 1
        await guest.customer.writes(f"{guest.customer.number} asks {guest.asked}.")

    # a visit

    async def receive(self, guest: Guest) -> None:
        """A visit up to the moment when the guest leaves, whoever has them then."""
        await guest.customer.writes("good morning")
        await guest.customer.reads(1, 40)
        if guest.kind == "operator":
            await self._get_number(guest)
        self._be_slow(guest)
        await self.asks(guest)
        await asyncio.sleep(guest.rng.uniform(0, 0.6))  # the moment of the race is random
        guest.silences.append(await TAKE_OVER[guest.kind](self, guest))
        for _ in range(guest.rng.randint(1, 3)):
            await self.asks(guest)
        if guest.rng.random() < 0.4:
            await asyncio.sleep(guest.rng.uniform(0, 0.3))
            await self.hand_back(guest)

    def _be_slow(self, guest: Guest) -> None:
        """The model and the line take their time for this guest, and the line is not reliable."""
        rng, number = guest.rng, guest.customer.number
        answers = [say(f"answer {n}", delay_s=rng.uniform(0, 0.4)) for n in range(20)]
        self.bot.llm.plan_calls(*answers, about=number)
        self.bot.provider.plan_sends(*(_answer_of_line(rng) for _ in range(20)), to=number)

    async def _get_number(self, guest: Guest) -> None:
        rosa = self.bot.provider.customer(number=ROSA)
        await rosa.writes(f"#done {guest.customer.number}")
        answer = await self._rosa_reads(f"{guest.customer.number}: looked after")
        found = re.match(r"#\d+", answer.text)
        assert found is not None, answer
        guest.number = found[0]

    async def _rosa_reads(self, words: str) -> Send:
        def answered() -> Send:
            taken = self.bot.provider.taken_for(ROSA)
            found = [send for send in taken if words in send.text]
            assert found, f"Rosa waits for {words}"
            return found[0]

        return await eventually(answered, 30)

    async def hand_back(self, guest: Guest) -> None:
        """The bot has the guest again, with whatever has waited."""
        for silence in guest.silences:
            if silence.how != "stop":
                silence.until = min(silence.until, time.monotonic())
        if guest.kind == "line":
            await self.post(f"/api/lines/{guest.customer.line_id}/resume", {"answer": True})
        await self.of_guest(guest, "resume", {"answer": True})

    # who takes over

    async def by_api(self, guest: Guest) -> Silence:
        paused, at = await self.of_guest(guest, "pause", {})
        return Silence("api", at, on_its_way=_keys(paused))

    async def by_writing(self, guest: Guest) -> Silence:
        await self.of_guest(guest, "messages", {"text": "a person here"})
        return await self.silence("writing", guest)

    async def by_phone(self, guest: Guest) -> Silence:
        message = {"id": f"own_{guest.customer.number}", "to": guest.customer.number}
        if guest.rng.random() < 0.5:
            event_id = await self.bot.provider.delivered(message["to"], message["id"])
        else:
            event_id = f"evt_{guest.customer.number}"
            words = {**message, "type": "text", "text": "typed on the phone"}
            event = {"event": "message.sent", "id": event_id, "line_id": LINE, "message": words}
            await self.bot.provider.deliver(event)
        (applied,) = await self.bot.handled(event_id, timeout_s=30)
        if applied["reason"] != TAKEN_OVER:  # nobody can tell it from a notice of our own
            return Silence("taken for our own", math.inf)
        return await self.silence("phone", guest)

    async def by_operator(self, guest: Guest) -> Silence:
        rosa = self.bot.provider.customer(number=ROSA)
        await rosa.writes(f"{guest.number} Rosa here")
        await self._rosa_reads(f"{guest.number} {guest.customer.number}: sent")
        return await self.silence("operator", guest)

    async def by_keyword(self, guest: Guest) -> Silence:
        await guest.customer.writes("human")

        async def handed_off() -> float:
            said = [send.at for send in guest.bots if send.text == GOODBYE and send.taken]
            messages = await self.bot.messages(guest.customer)
            drafts = [one for one in messages if one["text"] == GOODBYE and one["draft"]]
            assert said or drafts, "not handed off yet"  # all may be stopped in between
            return said[0] if said else time.monotonic()

        return Silence("keyword", await eventually(handed_off, 30))

    async def by_line(self, guest: Guest) -> Silence:
        paused, at = await self.post(f"/api/lines/{guest.customer.line_id}/pause", {})
        return Silence("line", at, on_its_way=_keys(paused))

    async def by_stop(self, guest: Guest) -> Silence:
        await guest.customer.writes("STOP")

        async def opted_out() -> None:
            assert (await self.conversation(guest))["opted_out_at"] is not None

        await eventually(opted_out, 30)
        return await self.silence("stop", guest)

    async def stop_everything(self, guests: Sequence[Guest]) -> None:
        """Once, while many wait for their answers, and for a random time."""
        asking = len(guests) * self.rng.uniform(0.3, 0.9)
        await eventually(lambda: sum(guest.asked > 0 for guest in guests) > asking, 40)
        paused, at = await self.post("/api/pause")
        silence = Silence("everything", at, on_its_way=_keys(paused))
        self.everything.append(silence)
        await asyncio.sleep(self.rng.uniform(0.2, 1))  # longer than answers take, or shorter
        silence.until = time.monotonic()
        await self.post("/api/resume", {"answer": True})

    # afterwards

    async def look_on(self) -> None:
        """The bot has looked at all that was written before."""
        marker = self.bot.provider.customer()
        await marker.writes("marker")
        await marker.reads(1, 40)

    async def close(self, guests: Sequence[Guest]) -> None:
        """Everybody hands back; at the end nothing waits."""
        await asyncio.gather(*(self.hand_back(guest) for guest in guests))

        async def all_ended() -> None:
            page = await self.bot.api("GET", "/api/events", params={"state": "pending,working"})
            assert page["items"] == [], f"seed {self.seed}: {page['items'][:3]}"

        await eventually(all_ended, 60)
        for guest in guests:
            await self._all_sent(guest)
        self.bot.llm.forget_plans()
        self.bot.provider.forget_plans()

    async def _all_sent(self, guest: Guest) -> None:
        async def nothing_queued() -> None:
            messages = await self.bot.messages(guest.customer)
            waits = [one for one in messages if one["status"] in ("queued", "sending")]
            assert waits == [], self.story(guest, f"still to be sent: {waits}")

        await eventually(nothing_queued, 60)

    # the judge

    async def judge(self, guest: Guest) -> None:
        messages = await self.bot.messages(guest.customer)
        self._judge_silences(guest)
        self._judge_answers(guest)
        order = [one["id"] for one in messages if one["direction"] == "out"]
        begun = list(dict.fromkeys(str(send.key) for send in guest.customer.attempts))
        assert begun == [key for key in order if key in begun], self.story(guest, f"not {order}")
        drafts = {one["id"] for one in messages if one["draft"]}
        taken = {str(send.key) for send in self.bot.provider.taken_for(guest.customer.number)}
        assert not drafts & taken, self.story(guest, f"drafts that have left: {drafts & taken}")
        self.seen["drafts"] += len(drafts)

    def _judge_silences(self, guest: Guest) -> None:
        """After the acknowledgement nothing begins, but the last words that go with it."""
        for silence in (*guest.silences, *self.everything):
            last_words = LAST_WORDS.get(silence.how)
            late = [
                send
                for send in guest.bots
                if silence.since < send.at < silence.until and send.text != last_words
            ]
            arrived = [send for send in late if send.key in silence.on_its_way]
            assert late == arrived, self.story(guest, f"{late} breaks {silence}")
            assert len(late) <= 1, self.story(guest, f"{late} repeats in {silence}")
            self.seen[silence.how] += 1
            self.seen[f"{silence.how}: a message on its way"] += bool(silence.on_its_way)
            self.seen[f"{silence.how}: it arrived afterwards"] += bool(late)
        for words in LAST_WORDS.values():
            keys = {send.key for send in guest.bots if send.text == words}
            assert len(keys) <= 1, self.story(guest, f"said twice: {words}")

    def _judge_answers(self, guest: Guest) -> None:
        """No question got two answers that have left."""
        asked = self.bot.llm.messages_about(f"{guest.customer.number} asks")
        answers: Counter[str] = Counter()
        for text in {send.text for send in guest.bots if send.taken}:
            number = re.fullmatch(r"answer (\d+)", text)
            if number is not None:
                last = words_of(asked[int(number[1])][-1]["content"])
                answers.update(set(re.findall(r"asks (\d+)\.", last)))
        twice = [question for question, times in answers.items() if times > 1]
        assert not twice, self.story(guest, f"answered twice: {twice}")
        self.seen["questions answered"] += len(answers)

    def story(self, guest: Guest, fault: str) -> str:
        sends = [(round(send.at, 3), send.key, send.text, send.taken) for send in guest.bots]
        life = "\n".join(map(str, [*guest.silences, *self.everything, *sends]))
        return f"seed {self.seed}, {guest.kind} {guest.customer.number}: {fault}\n{life}"


TAKE_OVER: dict[str, Callable[[Party, Guest], Awaitable[Silence]]] = {
    "api": Party.by_api,
    "writing": Party.by_writing,
    "phone": Party.by_phone,
    "operator": Party.by_operator,
    "keyword": Party.by_keyword,
    "line": Party.by_line,
    "stop": Party.by_stop,
}


def _seeded(seed: str) -> random.Random:
    return random.Random(seed)  # noqa: S311 - to be repeated, not to be secret


def _keys(paused: Any) -> frozenset[str]:
    """What a pause says had left before."""
    return frozenset(one["id"] for one in paused["in_flight"])


def _answer_of_line(rng: random.Random) -> Behaviour:
    delay_s = rng.uniform(0, 0.4)
    answers: tuple[Behaviour, ...] = (
        Answer(200, {"id": f"msg_{rng.getrandbits(48):x}"}, delay_s=delay_s),
        Answer(503, delay_s=delay_s),
        Drop(),
        Drop(taken=True),
    )
    return rng.choices(answers, (80, 8, 6, 6))[0]


async def _party(bot: Bot, seed: str, size: int, *, interruption: Awaitable[None]) -> Counter[str]:
    """So many guests at once, everything stopped once, and whatever else interrupts."""
    party = Party(bot, seed)
    guests = [party.invite(number) for number in range(size)]
    visits = [party.receive(guest) for guest in guests]
    await asyncio.gather(*visits, party.stop_everything(guests), interruption)
    await party.look_on()
    await party.close(guests)
    for guest in guests:
        await party.judge(guest)
    return party.seen


async def _nothing() -> None:
    """No interruption."""


def _assert_all_happened(seen: Counter[str], times: int) -> None:
    kinds = (*TAKE_OVER, "everything", "drafts", "questions answered")
    rare = [kind for kind in kinds if seen[kind] < times]
    told = "\n".join(f"{count:6} {kind}" for kind, count in sorted(seen.items()))
    print(told)  # noqa: T201 - for whoever asks with `pytest -rP`
    assert rare == [], f"seed {SEED}: {told}"


async def test_thirty_guests_hear_the_bot_only_until_a_person_has_taken_over(
    new_bot: NewBot,
) -> None:
    bot = await new_bot(settings=SETTINGS, prompts=PROMPTS)
    _assert_all_happened(await _party(bot, f"{SEED}", 30, interruption=_nothing()), 1)


@pytest.mark.slow
async def test_a_hundred_and_fifty_guests_hear_the_bot_only_until_a_person_has_taken_over(
    new_bot: NewBot,
) -> None:
    bot = await new_bot(settings=SETTINGS, prompts=PROMPTS)
    seen: Counter[str] = Counter()
    for number in range(5):
        seen += await _party(bot, f"{SEED}-{number}", 30, interruption=_nothing())
    _assert_all_happened(seen, 5)


@pytest.mark.slow
async def test_two_workers_of_which_one_is_killed_do_not_speak_while_a_person_does(
    new_bot: NewBot,
) -> None:
    bot = await new_bot(settings=SETTINGS, prompts=PROMPTS, start=False)
    await bot.start("serve", ready=False)
    first = await bot.start("worker", ready=False)
    await bot.start("worker", ready=False)
    await bot.ready()
    rng = _seeded(f"{SEED}-kill")

    async def kill() -> None:
        await asyncio.sleep(rng.uniform(1, 2))  # in the middle, at a random moment
        await first.kill()

    seen = await _party(bot, f"{SEED}-two", 42, interruption=kill())
    seen += await _party(bot, f"{SEED}-one", 28, interruption=_nothing())
    _assert_all_happened(seen, 3)
