"""Lines, and the switch for a whole line or for everything."""

from fastapi import APIRouter

from bot.adapters.db.views import Views
from bot.api.calls import ERRORS, Id, Operator, PauseBody, ResumeBody, given_pause, show_sends
from bot.domain.shown import LinePage, PausedScopeView, ScopeView
from bot.handoff import HandOff


def router(handoff: HandOff, views: Views) -> APIRouter:
    """`/lines`, `/pause` and `/resume`."""
    api = APIRouter(tags=["lines"], responses=ERRORS)

    @api.get("/lines")
    async def lines() -> LinePage:
        return await views.lines()

    @api.post("/lines/{line_id}/pause")
    async def pause_line(
        line_id: Id, operator: Operator, body: PauseBody | None = None
    ) -> PausedScopeView:
        return await _pause(handoff, views, line_id, operator, body)

    @api.post("/lines/{line_id}/resume")
    async def resume_line(
        line_id: Id, operator: Operator, body: ResumeBody | None = None
    ) -> ScopeView:
        return await _resume(handoff, views, line_id, operator, body)

    @api.post("/pause")
    async def pause_all(operator: Operator, body: PauseBody | None = None) -> PausedScopeView:
        return await _pause(handoff, views, None, operator, body)

    @api.post("/resume")
    async def resume_all(operator: Operator, body: ResumeBody | None = None) -> ScopeView:
        return await _resume(handoff, views, None, operator, body)

    return api


async def _pause(
    handoff: HandOff, views: Views, line_id: str | None, by: str, body: PauseBody | None
) -> PausedScopeView:
    length, reason = given_pause(body)
    open_sends = await handoff.pause_scope(line_id, by, length, reason)
    scope = await views.scope(line_id)
    return PausedScopeView(scope.state, scope.paused_until, show_sends(open_sends))


async def _resume(
    handoff: HandOff, views: Views, line_id: str | None, by: str, body: ResumeBody | None
) -> ScopeView:
    await handoff.resume_scope(line_id, by, answer=body is not None and body.answer)
    return await views.scope(line_id)
