"""What is wrong with the bot as a whole."""

from fastapi import APIRouter

from bot.adapters.db.views import Views
from bot.api.calls import ERRORS
from bot.domain.shown import AlertPage


def router(views: Views) -> APIRouter:
    """`/alerts`."""
    api = APIRouter(tags=["alerts"], responses=ERRORS)

    @api.get("/alerts")
    async def alerts() -> AlertPage:
        """Those that are not over; operators were told of each once."""
        return await views.alerts()

    return api
