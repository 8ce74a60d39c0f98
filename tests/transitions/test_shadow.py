"""A shadow over a real database and a scripted model: what it keeps, and when it keeps quiet."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bot import bootstrap, outside
from bot.adapters.db.shadows import Shadows
from bot.adapters.prompt_files import NothingKept, PromptFiles
from bot.again import Cast
from bot.config import load
from bot.domain.comparison import Pair
from bot.domain.turn import MadeBy, Reply
from bot.metrics import GUARDED, SHADOWS, TURN_STEP_SECONDS, TURNS
from bot.shadow import Part, Shadow
from tests.harness import Gate, Network, ScriptedLlm, eventually, fail, hand_off, say
from tests.harness.llm import words_of
from tests.transitions.scene import ANNA, LINE, Scene, crowd

ON_ONE_DATABASE = True
PRICES = {"scripted-model": {"input": 10_000, "output": 10_000}}
"""An answer costs 0.25."""
OURS = Reply(("ours",), MadeBy("v1", "m", prompt_name="default"))
NEW = "prompts/new.yaml"


class Stage:
    """A shadow that may be offered turns; nobody runs it yet."""

    def __init__(self, scene: Scene, folder: Path, llm: ScriptedLlm) -> None:
        self.scene = scene
        self.llm = llm
        self.in_hand: set[str] = set()
        self._folder = folder
        self.write("default", "instructions: The live one.\n")
        self.write("new", "instructions: The new one.\nhand_off: {when: angry, say: Bye}\n")

    def write(self, name: str, text: str) -> None:
        path = self._folder / "prompts" / f"{name}.yaml"
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)

    @asynccontextmanager
    async def shadow(self, cost_per_day: float = 0, **line: Any) -> AsyncIterator[Shadow]:
        """`line`: what the settings say of all lines, beside the shadow."""
        config = self._folder / "config.yaml"
        lines = {"default": {"shadow": "new", **line}}
        llm_settings = {"model": "scripted-model", "prices": PRICES}
        config.write_text(json.dumps({"lines": lines, "llm": llm_settings}))
        env = {"OPENAI_API_KEY": "sk-test", "OPENAI_BASE_URL": f"{self.llm.url}/v1"}
        data = {"BOT_DATA_DIR": str(self._folder / "data")}
        settings = load(config, {**env, **data}, dev=True)
        files = (settings.folder, settings.prompt_files(), settings.business.for_prompts())
        prompts = PromptFiles(*files, NothingKept(), settings.voices())
        await prompts.load()
        llm = outside.make_llm(settings, outside.configured_endpoints(settings))
        blobs, style = outside.make_blobs(settings), bootstrap.make_style(settings)
        cast = Cast(prompts, llm, blobs, self.scene.store, style)
        part = Part(settings.shadows(), cost_per_day)
        store = Shadows(self.scene.database)
        try:
            yield Shadow(part, cast, store, lambda: self.scene.now, self.in_hand)
        finally:
            await llm.close()

    @asynccontextmanager
    async def running(self, shadow: Shadow) -> AsyncIterator[None]:
        stop = asyncio.Event()
        task = asyncio.create_task(shadow.run(stop))
        try:
            yield
        finally:
            stop.set()
            await asyncio.wait_for(task, 10)

    async def offers(
        self, shadow: Shadow, contact: str = ANNA, text: str = "hello", reply: Reply = OURS
    ) -> None:
        """A customer writes, and has got `reply`."""
        turn = await self.scene.takes_turn(await self.scene.writes(contact, text))
        await self.scene.store.answer_turn(turn, reply, self.scene.now)
        shadow.offer(turn, reply)

    async def pairs(self, count: int) -> tuple[Pair, ...]:
        async def there() -> tuple[Pair, ...]:
            found = await Shadows(self.scene.database).pairs(line_id=LINE, last=100)
            assert len(found) == count
            return found

        return await eventually(there)


@pytest.fixture
async def stage(scene: Scene, tmp_path: Path, network: Network) -> AsyncIterator[Stage]:
    llm = ScriptedLlm(network)
    yield Stage(scene, tmp_path, llm)
    unused = llm.forget_plans()
    llm.close()
    assert unused == []


def _count(end: str) -> float:
    found: float = SHADOWS.labels(end)._value.get()
    return found


async def _counted(end: str, before: float) -> None:
    async def more() -> None:
        assert _count(end) == before + 1

    await eventually(more)


async def test_the_same_turn_is_answered_with_the_other_prompt(stage: Stage) -> None:
    stage.llm.plan_calls(hand_off("angry", text="I see"))
    async with stage.shadow() as shadow, stage.running(shadow):
        await stage.offers(shadow)
        (pair,) = await stage.pairs(1)
    assert pair.new is not None
    assert (pair.asked, pair.old.text, pair.new.text) == ("hello", "ours", "Bye")
    assert (pair.new.effect, pair.new.reason) == ("handed off", "angry")
    assert (pair.new.prompt_name, pair.new.tokens, pair.new.cost) == ("new", 25, 0.25)
    (request,) = stage.llm.requests
    assert "The new one." in words_of(request.json["messages"][0]["content"])
    assert len(await stage.scene.outbound(pair.conversation_id)) == 1  # nothing more is sent
    conversation = await stage.scene.conversation(pair.conversation_id)
    assert conversation.state == "bot"  # and nobody takes over


async def test_no_figure_of_customers_counts_a_shadow(stage: Stage) -> None:
    stage.write("new", "instructions: The new one.\nguards: {never_say: [cheap]}\n")
    stage.llm.plan_calls(say("cheap"))
    before = _of_customers()
    async with stage.shadow() as shadow, stage.running(shadow):
        await stage.offers(shadow)
        (pair,) = await stage.pairs(1)
    assert pair.new is not None
    assert pair.new.guards == ("never_say phrase logged",)
    assert _of_customers() == before


def _of_customers() -> list[float]:
    counted = (TURNS, GUARDED, TURN_STEP_SECONDS)
    ours = ("bot_turns_total", "bot_guard_findings_total", "bot_turn_step_seconds_count")
    samples = [one for each in counted for family in each.collect() for one in family.samples]
    return [one.value for one in samples if one.name in ours and one.labels.get("step") in _STEPS]


_STEPS = (None, "waited", "media")


async def test_few_wait_and_what_is_too_much_is_let_go(stage: Stage) -> None:
    before = _count("dropped")
    async with stage.shadow() as shadow:
        for contact in crowd(22):
            await stage.offers(shadow, contact)
        assert _count("dropped") == before + 2
        async with stage.running(shadow):
            await stage.pairs(20)


async def test_while_the_bot_is_busy_the_shadow_keeps_quiet(stage: Stage) -> None:
    before = _count("dropped")
    async with stage.shadow() as shadow:
        await stage.offers(shadow)
        stage.in_hand |= {f"tn_{number}" for number in range(21)}
        await stage.offers(shadow, "+1777")
        assert _count("dropped") == before + 1
        async with stage.running(shadow):
            await _counted("dropped", before + 1)  # the one that waited
    assert stage.llm.requests == []


async def test_what_waited_too_long_is_let_go(stage: Stage) -> None:
    before = _count("dropped")
    async with stage.shadow() as shadow:
        await stage.offers(shadow)
        stage.scene.pass_time(121)
        async with stage.running(shadow):
            await _counted("dropped", before)
    assert stage.llm.requests == []


async def test_after_an_outage_the_model_is_left_to_customers(stage: Stage) -> None:
    before = _count("dropped")
    stage.llm.plan_calls(fail(503))
    async with stage.shadow() as shadow, stage.running(shadow):
        await stage.offers(shadow)
        await _counted("dropped", before)
        await stage.offers(shadow, "+1777")
        assert _count("dropped") == before + 2
        stage.scene.pass_time(61)
        await stage.offers(shadow, "+1888", "still there?")
        (pair,) = await stage.pairs(1)
    assert pair.asked == "still there?"


async def test_it_spends_no_more_than_it_may_in_a_day(stage: Stage) -> None:
    before = _count("over_cost")
    async with stage.shadow(cost_per_day=0.5) as shadow, stage.running(shadow):
        for number, contact in enumerate(crowd(2), 1):
            await stage.offers(shadow, contact)
            await stage.pairs(number)
        await stage.offers(shadow)
        await _counted("over_cost", before)
        stage.scene.pass_time(86_400)
        await stage.offers(shadow, "+1777")
        await stage.pairs(3)


async def test_a_price_that_is_not_known_ends_the_day(stage: Stage) -> None:
    before = _count("over_cost")
    stage.write("new", "instructions: The new one.\nmodel: other\n")
    stage.llm.plan_calls(replace(say("hi"), body={**say("hi").body, "model": "other"}))
    async with stage.shadow(cost_per_day=0.5) as shadow, stage.running(shadow):
        await stage.offers(shadow)
        await stage.pairs(1)
        await stage.offers(shadow, "+1777")
        await _counted("over_cost", before)


async def test_a_contact_with_a_prompt_of_its_own_has_no_shadow(stage: Stage) -> None:
    before = _count("same_prompt")
    stage.write("own", "instructions: Only yours.\n")
    reply = Reply(("ours",), MadeBy("v1", "m", prompt_name="own"))
    own = {ANNA: "prompts/own.yaml"}
    async with stage.shadow(contacts=own) as shadow, stage.running(shadow):
        await stage.offers(shadow, reply=reply)
        await _counted("same_prompt", before)
    assert stage.llm.requests == []


async def test_a_line_without_a_shadow_is_left_alone(stage: Stage) -> None:
    async with stage.shadow(shadow=None) as shadow, stage.running(shadow):
        await stage.offers(shadow)
    assert stage.llm.requests == []


async def test_an_invalid_prompt_says_nothing_and_ends_nothing(stage: Stage) -> None:
    before = _count("failed")
    stage.write("new", "instructions: {{ nobody }}\n")
    async with stage.shadow() as shadow, stage.running(shadow):
        await stage.offers(shadow)
        await _counted("failed", before)
        await stage.offers(shadow, "+1777")
        await _counted("failed", before + 1)


async def test_an_answer_that_hangs_holds_up_no_end(stage: Stage) -> None:
    gate = Gate()
    stage.llm.plan_calls(say("late", gate=gate))
    async with stage.shadow() as shadow:
        async with stage.running(shadow):
            await stage.offers(shadow)
            await gate.reached()
            await stage.offers(shadow, "+1777")  # the other of the two goes on
            await stage.pairs(1)
        gate.open()
