"""What the calls of the operator API have in common."""

from typing import Annotated, Any

from fastapi import Depends, Path, Query, Request
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from bot.api.errors import ErrorBody
from bot.domain.brief import BRIEF_MAX
from bot.domain.lengths import LENGTH_MAX, Length
from bot.domain.shown import SendView, shown_status
from bot.domain.work import InFlight
from bot.handoff import pause_length

_ERRORS = {
    400: "malformed",
    401: "no token, or a wrong one",
    404: "nothing has this id",
    409: "its state does not allow this",
    413: "the body is too large",
    422: "a value is missing or wrong",
    429: "too many wrong tokens",
    500: "a fault of the bot's own",
    503: "the database is away",
}
ERRORS: dict[int | str, dict[str, Any]] = {
    status: {"model": ErrorBody, "description": what} for status, what in _ERRORS.items()
}
"""For the description of every call."""

PAGE = 50
EMPTY_IS_UNSET = BeforeValidator(lambda given: None if given == "" else given)
"""For a filter such as `?state=`, as forms send it that were not filled in."""
Limit = Annotated[int, BeforeValidator(lambda given: PAGE if given == "" else given), Query(ge=1)]
Id = Annotated[str, Path(min_length=1, max_length=255)]


def _operator(request: Request) -> str:
    name: str = request.state.operator
    return name


Operator = Annotated[str, Depends(_operator)]
"""The name that belongs to the call's token."""


class Body(BaseModel):
    """A JSON object; a field that is not known is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class PauseBody(Body):
    """How long, and why."""

    for_s: Annotated[
        float | None,
        Field(
            strict=True,
            gt=0,
            le=LENGTH_MAX.total_seconds(),
            allow_inf_nan=False,
            description="Left out: as the settings say. null: until somebody resumes.",
        ),
    ] = None
    reason: Annotated[str | None, Field(max_length=1000)] = None

    @property
    def length(self) -> Length:
        """The pause's length, told apart from none given."""
        if "for_s" not in self.model_fields_set:
            return "default"
        return None if self.for_s is None else pause_length(self.for_s)


class ResumeBody(Body):
    """Whether the bot answers what the customer wrote meanwhile."""

    answer: Annotated[bool, Field(strict=True)] = False
    brief: Annotated[
        str | None,
        Field(
            max_length=BRIEF_MAX,
            description="What the bot is to know of what was promised. Left out or null: the "
            "person's own last words, as GET …/brief shows them.",
        ),
    ] = None


def given_pause(body: PauseBody | None) -> tuple[Length, str | None]:
    """Length and reason; a call without a body is one with an empty object."""
    return ("default", None) if body is None else (body.length, body.reason)


def show_sends(open_sends: tuple[InFlight, ...]) -> tuple[SendView, ...]:
    """Sends in flight as operators see them."""
    return tuple(SendView(send.id, shown_status(send.status) or "") for send in open_sends)
