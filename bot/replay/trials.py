"""What is being tried on lines, as operators see it: shadows and splits."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from bot import bootstrap
from bot.adapters.db.engine import Database
from bot.adapters.db.shadows import Shadows
from bot.adapters.db.split_figures import SplitFigures
from bot.adapters.prompt_files import prompt_name
from bot.config import Settings
from bot.domain.comparison import Figures, Pair
from bot.domain.split_shown import SplitView
from bot.errors import NotFound
from bot.replay.results import Comparison, language_of


@dataclass(frozen=True, slots=True)
class AnswerView:
    """One answer to a turn."""

    text: str = field(repr=False)
    """Empty: nothing was said."""
    ended: str
    reason: str
    effect: str | None
    language: str
    prompt_version: str | None
    model: str | None
    tokens: int
    cost: float | None
    guards: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class PairView:
    """What a customer got, and what the shadow would have said."""

    turn_id: str
    conversation_id: str
    line_id: str
    at: datetime
    asked: str = field(repr=False)
    difference: float
    """From 0, the same words, to 1."""
    old: AnswerView
    new: AnswerView


@dataclass(frozen=True, slots=True)
class ShadowView:
    """Changed answers first."""

    prompt: str
    compared: int
    changed: int
    old: Figures
    new: Figures
    items: tuple[PairView, ...]


class Trials:
    """Raises StoreUnavailable."""

    def __init__(self, settings: Settings, database: Database) -> None:
        self._settings = settings
        self._shadows = Shadows(database)
        self._figures = SplitFigures(database)

    async def of_line(self, line_id: str, last: int) -> Comparison:
        """What a line's shadow said to its newest turns. Raises NotFound."""
        file = self._settings.line(line_id).shadow
        name = None if file is None else prompt_name(file)
        pairs = await self._shadows.pairs(line_id=line_id, prompt_name=name, last=last)
        if file is None and not pairs:
            raise NotFound(f"line {line_id} has no shadow: set lines.{line_id}.shadow")
        return _compare(name or "shadow", pairs)

    async def of_prompt(self, name: str, last: int) -> Comparison:
        """What a prompt said as a shadow, on whatever line. Raises NotFound."""
        pairs = await self._shadows.pairs(prompt_name=name, last=last)
        files = {file for file in self._settings.shadows().values() if file is not None}
        if not pairs and name not in {prompt_name(file) for file in files}:
            raise NotFound("no such prompt is or was a shadow")
        return _compare(name, pairs)

    async def split(self, line_id: str, days: int) -> SplitView:
        """Both sides of a line's split. Raises NotFound."""
        line = self._settings.line(line_id)
        if not line.split:
            raise NotFound(f"line {line_id} has no split: set lines.{line_id}.split")
        rest = max(0.0, 100.0 - sum(line.split.values()))
        percents = {line.prompt: rest, **line.split}
        prompts = {prompt_name(file): (file, percent) for file, percent in percents.items()}
        since = bootstrap.utc_now() - timedelta(days=days)
        return SplitView(line_id, days, await self._figures.of(line_id, prompts, since))


def show(comparison: Comparison) -> ShadowView:
    """As the operator API gives it."""
    return ShadowView(
        comparison.prompt,
        len(comparison.compared),
        comparison.changed,
        comparison.old,
        comparison.new,
        tuple(_pair_view(pair) for pair in comparison.in_order if pair.new is not None),
    )


def _compare(name: str, pairs: Sequence[Pair]) -> Comparison:
    versions = {pair.new.prompt_version or "" for pair in pairs if pair.new is not None}
    version = versions.pop() if len(versions) == 1 else ""
    return Comparison(name, version, tuple(pairs))


def _pair_view(pair: Pair) -> PairView:
    old, new = (
        AnswerView(
            one.text,
            one.ended,
            one.reason,
            one.effect,
            language_of(one.text),
            one.prompt_version,
            one.model,
            one.tokens,
            one.cost,
            one.guards,
        )
        for one in (pair.old, pair.new)
        if one is not None
    )
    return PairView(
        pair.turn_id,
        pair.conversation_id,
        pair.line_id,
        pair.at,
        pair.asked,
        round(pair.difference, 3),
        old,
        new,
    )
