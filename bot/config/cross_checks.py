"""Settings that work, though perhaps not as meant: warnings, never faults."""

from collections.abc import Iterator
from itertools import chain

from bot.config.faults import Sources
from bot.config.secrets import Secrets
from bot.config.tree import SettingsTree
from bot.errors import Fault


def oddities(
    tree: SettingsTree, secrets: Secrets, sources: Sources, *, dev: bool
) -> Iterator[Fault]:
    """Each with what comes of it."""
    yield from _odd_times(tree, sources)
    yield from _odd_hours(tree, sources)
    yield from _odd_keys(tree, secrets, sources, dev=dev)
    if tree.server.metrics_port and tree.server.metrics_port == tree.server.port:
        message = "also server.port: on one machine `bot serve` and `bot worker` can't share it"
        yield sources.about(("server", "metrics_port"), message)
    if not dev and not _is_anybody_told(tree):
        message = "nobody is told when a customer needs a person"
        remedy = "name numbers here, or a takeover.notify_url"
        yield sources.about(("takeover", "operators"), f"{message}: {remedy}")
    if set(tree.own_numbers()) & _all_operators(tree):
        message = "holds the number of one of your lines: what it writes is never read"
        yield sources.about(("takeover", "operators"), message)
    if tree.limits.llm_cost_per_day and tree.llm.model not in tree.llm.prices:
        message = "no price for the model in llm.prices: tokens are counted, not limited"
        yield sources.about(("limits", "llm_cost_per_day"), message)
    yield from _odd_trials(tree, sources)


def _odd_times(tree: SettingsTree, sources: Sources) -> Iterator[Fault]:
    quiet_s, wait_s = tree.conversation.quiet_period_s, tree.conversation.max_wait_s
    if quiet_s > wait_s:
        message = f"shorter than quiet_period_s: answers come after {wait_s:g} s all the same"
        yield sources.about(("conversation", "max_wait_s"), message)
    if tree.watchdog.enabled and tree.watchdog.unanswered_s <= wait_s:
        message = "not longer than max_wait_s: every long burst raises an alert"
        yield sources.about(("watchdog", "unanswered_s"), message)
    if tree.retry.base_delay_s > tree.retry.max_delay_s:
        message = "shorter than base_delay_s: every retry waits this long"
        yield sources.about(("retry", "max_delay_s"), message)


def _odd_hours(tree: SettingsTree, sources: Sources) -> Iterator[Fault]:
    if tree.business.hours:
        return
    if tree.business.bot_answers != "always":
        message = "no hours are set: the bot answers always"
        yield sources.about(("business", "bot_answers"), message)
    if tree.business.holidays:
        message = "no hours are set: the business counts as open on holidays too"
        yield sources.about(("business", "holidays"), message)


def _odd_trials(tree: SettingsTree, sources: Sources) -> Iterator[Fault]:
    """Prompts beside a line's own that will not do what was meant."""
    is_limited = tree.limits.shadow_cost_per_day and any(tree.shadows().values())
    if is_limited and tree.llm.model not in tree.llm.prices:
        message = "no price for the model in llm.prices: a shadow falls silent after one answer"
        yield sources.about(("limits", "shadow_cost_per_day"), message)
    for line_id in tree.lines:
        line = tree.line(line_id)
        if line.shadow == line.prompt:
            message = "the line's own prompt: it would be paid twice and say the same"
            yield sources.about(("lines", line_id, "shadow"), f"{message}; name another")
        if line.prompt in line.split:
            message = f"{line.prompt} is the line's own prompt: both sides hear the same"
            yield sources.about(("lines", line_id, "split"), f"{message}; name another")


def _is_anybody_told(tree: SettingsTree) -> bool:
    return bool(_all_operators(tree) or tree.takeover.notify_url)


def _all_operators(tree: SettingsTree) -> set[str]:
    of_lines = (line.operators or () for line in tree.lines.values())
    return {*tree.takeover.operators, *chain.from_iterable(of_lines)}


def _odd_keys(
    tree: SettingsTree, secrets: Secrets, sources: Sources, *, dev: bool
) -> Iterator[Fault]:
    if not dev and secrets.openai_api_key is None and secrets.openai_base_url is None:
        message = "not set: no model can be asked, and customers' messages wait until it is"
        yield Fault(message, "OPENAI_API_KEY")
    yield from _odd_speech(tree, secrets, sources, dev=dev)


def _odd_speech(
    tree: SettingsTree, secrets: Secrets, sources: Sources, *, dev: bool
) -> Iterator[Fault]:
    """A service without its key is left out; without any, voice notes can't be understood."""
    keys = {"deepgram": secrets.deepgram_api_key, "openai": secrets.openai_api_key}
    wanted = [one for one in (tree.speech.provider, *tree.speech.fallback) if one != "none"]
    usable = [name for name in wanted if name == "local" or keys.get(name) is not None]
    for name in wanted:
        if name in usable or (dev and name == "deepgram"):
            continue
        outcome = "so it is left out"
        if not usable:
            outcome = "so speech.provider is `none`: voice notes get the prompt's `unheard`"
        yield Fault(f"not set, {outcome}", f"{name.upper()}_API_KEY")
    if "local" in wanted and not tree.speech.local_model:
        message = "`local` needs the folder of a faster-whisper model here"
        yield sources.about(("speech", "local_model"), message)
