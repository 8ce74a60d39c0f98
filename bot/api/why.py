"""What happened to one event or message: the first thing to read when a customer complains."""

from fastapi import APIRouter

from bot.adapters.db.views import Views
from bot.api.calls import ERRORS, Id
from bot.domain.way import WayView


def router(views: Views) -> APIRouter:
    """`/why`."""
    api = APIRouter(tags=["events"], responses=ERRORS)

    @api.get("/why/{id}")
    async def why(id: Id) -> WayView:  # noqa: A002 - its name in the address
        """By our id or the provider's, of an event or a message, in or out."""
        return await views.why(id)

    return api
