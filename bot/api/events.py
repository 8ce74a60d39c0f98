"""Stored webhook calls: what became of them, and another try."""

from typing import Annotated

from fastapi import APIRouter, Query

from bot.adapters.db.views import Views
from bot.api.calls import ERRORS, PAGE, Body, Id, Limit, Operator
from bot.domain.event import EventState
from bot.domain.shown import EventPage, EventView
from bot.errors import Refused
from bot.handoff import HandOff


def router(handoff: HandOff, views: Views) -> APIRouter:
    """All calls below `/events`."""
    api = APIRouter(prefix="/events", tags=["events"], responses=ERRORS)

    @api.get("")
    async def events(
        state: Annotated[
            str, Query(max_length=100, description="Any of the states, comma-separated.")
        ] = "",
        limit: Limit = PAGE,
    ) -> EventPage:
        return await views.events(states=named_states(state), limit=limit)

    @api.post("/{event_id}/replay")
    async def replay(event_id: Id, operator: Operator, body: Body | None = None) -> EventView:
        """`event_id` may also be the provider's."""
        del body  # an empty object at most
        known = await views.event_id(event_id)
        await handoff.replay(known, operator)
        return await views.event(known)

    @api.post("/{event_id}/drop")
    async def drop(event_id: Id, operator: Operator, body: Body | None = None) -> EventView:
        """A dead letter is looked after; `event_id` may also be the provider's."""
        del body  # an empty object at most
        known = await views.event_id(event_id)
        await handoff.drop_event(known, operator)
        return await views.event(known)

    return api


def named_states(listed: str) -> frozenset[str]:
    """The states in a comma-separated list. Raises Refused for one that does not exist."""
    named = frozenset(name.strip() for name in listed.split(",") if name.strip())
    if not named <= frozenset(EventState):
        raise Refused(f"state: any of {', '.join(EventState)}, comma-separated", 422)
    return named
