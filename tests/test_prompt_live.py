"""Prompts while customers are served: parts, lines, contacts and languages, the whole way."""

from typing import Any

from tests.conftest import NewBot
from tests.harness import Bot, Customer, eventually, fail

ON_ONE_DATABASE = True
REGULAR = "+34699000001"
PROMPTS = {
    "default": (
        "include: shared/style.yaml\n"
        "instructions: |\n"
        "  {{ style }} Ask {{ owner }}. It is {{ line.id }}.\n"
        "  {% if contact.is_new %}A new customer.{% else %}A known customer.{% endif %}\n"
        "fallback: Sorry.\n"
        "languages:\n  es: {fallback: Perdone.}\n"
        "variables: {owner: Rosa}\n"
    ),
    "regulars": "instructions: A friend of the house.\n",
}
STYLE = "variables: {style: Be brief.}\n"
SETTINGS: dict[str, Any] = {
    "retry": {"max_attempts": 1, "base_delay_s": 0.05, "max_delay_s": 0.2},
    "lines": {
        "default": {"prompt": "default", "contacts": {"0034 699-000-001": "regulars"}},
        "ln_ana": {"variables": {"owner": "Ana"}},
    },
}


async def served(new_bot: NewBot) -> Bot:
    bot = await new_bot(start=False, settings=SETTINGS, prompts=PROMPTS)
    (bot.folder / "prompts" / "shared").mkdir()
    bot.write_prompt("shared/style", STYLE)
    await bot.start()
    return bot


async def told(bot: Bot, customer: Customer, words: str) -> str:
    """What the model is told when the customer writes this."""
    await customer.writes(words)
    await eventually(lambda: bool(bot.llm.calls_about(words)))
    return str(bot.llm.messages_about(words)[-1][0]["content"])


async def test_lines_contacts_languages_and_parts_reach_what_is_said(
    new_bot: NewBot,
) -> None:
    bot = await served(new_bot)
    ana, regular = bot.provider.customer(line_id="ln_ana"), bot.provider.customer(number=REGULAR)
    words = await told(bot, ana, "is there bread?")
    assert words == "Be brief. Ask Ana. It is ln_ana.\nA new customer."
    await ana.reads()
    assert "A known customer." in await told(bot, ana, "and cake?")
    assert await told(bot, regular, "the usual") == "A friend of the house."
    assert "Ask Rosa." in await told(bot, bot.provider.customer(), "good evening")

    bot.llm.plan_calls(fail(400), about="pan")
    bot.llm.plan_calls(fail(400), about="bread and butter")
    luis, eve = bot.provider.customer(number="+34688000002"), bot.provider.customer()
    await luis.writes("¿hay pan?")
    await eve.writes("bread and butter")
    assert (await luis.reads(), await eve.reads()) == (["Perdone."], ["Sorry."])

    path = bot.folder / "prompts" / "shared" / "style.yaml"
    path.unlink()
    await eventually(lambda: "prompt_invalid" in bot.log)
    assert "no such file prompts/shared/style.yaml" in bot.log
    assert "Be brief." in await told(bot, bot.provider.customer(), "still there?")
    await bot.restart()
    assert "Be brief." in await told(bot, bot.provider.customer(), "and now?")
    bot.write_prompt("shared/style", "variables: {style: Be long.}\n")

    async def is_long() -> None:
        assert "Be long." in await told(bot, bot.provider.customer(), "what else?")

    await eventually(is_long)
