"""Prompts being tried on lines: what a shadow would have said, and both sides of a split."""

from typing import Annotated

from fastapi import APIRouter, Path, Query

from bot.api.calls import ERRORS
from bot.domain.split_shown import SplitView
from bot.replay.trials import ShadowView, Trials, show

_DAYS = 30
_DAYS_MAX = 3650
_LAST = 100
_LAST_MAX = 1000

Name = Annotated[str, Path(min_length=1, max_length=300)]


def router(trials: Trials) -> APIRouter:
    """`/prompts/split` and `/prompts/{name}/shadow`."""
    api = APIRouter(prefix="/prompts", tags=["prompts"], responses=ERRORS)

    @api.get("/split")
    async def split(
        line_id: Annotated[str, Query(min_length=1, max_length=255)],
        days: Annotated[int, Query(ge=1, le=_DAYS_MAX)] = _DAYS,
    ) -> SplitView:
        return await trials.split(line_id, days)

    @api.get("/{name:path}/shadow")
    async def shadow(
        name: Name, limit: Annotated[int, Query(ge=1, le=_LAST_MAX)] = _LAST
    ) -> ShadowView:
        return show(await trials.of_prompt(name, limit))

    return api
