"""Who did what, when and why."""

from typing import Annotated

from fastapi import APIRouter, Query

from bot.adapters.db.views import Views
from bot.api.calls import EMPTY_IS_UNSET, ERRORS, PAGE, Limit
from bot.domain.shown import AuditPage


def router(views: Views) -> APIRouter:
    """`/audit`."""
    api = APIRouter(tags=["audit"], responses=ERRORS)

    @api.get("/audit")
    async def audit(
        conversation_id: Annotated[
            Annotated[str, Query(max_length=255)] | None, EMPTY_IS_UNSET
        ] = None,
        limit: Limit = PAGE,
    ) -> AuditPage:
        return await views.audit(conversation_id=conversation_id, limit=limit)

    return api
