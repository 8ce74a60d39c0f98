"""Prompts: what is live of each, what was, and making another version live."""

from typing import Annotated, Any

from fastapi import APIRouter, Path
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field

from bot.api.calls import ERRORS, Body, Operator
from bot.api.errors import ErrorBody
from bot.domain.candidate import CandidateView
from bot.domain.prompt_shown import (
    FaultView,
    Invalid,
    Outcome,
    Outdated,
    PromptPage,
    Proposed,
    Published,
    TextView,
    VersionPage,
)
from bot.domain.prompt_version import Bringer, Origin
from bot.errors import NotFound
from bot.publish import Publisher
from bot.yaml_reader import MAX_FILE_BYTES

Name = Annotated[str, Path(min_length=1, max_length=300)]
Version = Annotated[str, Field(min_length=1, max_length=64)]


class SourceBody(Body):
    """A prompt's whole text."""

    source: Annotated[str, Field(max_length=MAX_FILE_BYTES)]
    base_version: Annotated[
        str | None,
        Field(max_length=64, description="The live version that this text was made out of."),
    ]


class RollbackBody(Body):
    """Which version is to be live again."""

    version: Annotated[Version, Field(description="Its first characters are enough.")]


class CandidateBody(Body):
    """Which candidate: what is published is what was looked at."""

    version: Annotated[str, Field(min_length=1, max_length=64)]


class FaultsBody(ErrorBody):
    """What is wrong with a text."""

    faults: tuple[FaultView, ...]


class OutdatedBody(ErrorBody):
    """Somebody was faster."""

    live_version: str | None


_NOT_KEPT = {"Cache-Control": "no-store"}
_OUTCOMES: dict[int | str, dict[str, Any]] = {
    202: {"model": Proposed, "description": "it goes live once its tests have passed"},
    409: {"model": OutdatedBody, "description": "another version is live meanwhile"},
    422: {"model": FaultsBody, "description": "the text is invalid: its faults, with their lines"},
}


def router(publisher: Publisher) -> APIRouter:
    """All calls below `/prompts`. A prompt outside the folder `prompts` has slashes in its name."""
    api = APIRouter(prefix="/prompts", tags=["prompts"], responses=ERRORS)
    _add_candidates(api, publisher)

    @api.get("")
    async def prompts() -> PromptPage:
        return await publisher.prompts()

    @api.get("/{name:path}/versions")
    async def versions(name: Name) -> VersionPage:
        return await publisher.history(name)

    @api.get("/{name:path}/versions/{version}")
    async def version(name: Name, version: str) -> TextView:
        return await publisher.text(name, version)

    @api.post("/{name:path}/rollback", response_model=Published, responses=_OUTCOMES)
    async def rollback(name: Name, body: RollbackBody, operator: Operator) -> Any:
        bringer = Bringer(Origin.API, operator, is_rollback=True)
        return _answer(await publisher.rollback(name, body.version, bringer))

    @api.put("/{name:path}", response_model=Published, responses=_OUTCOMES)
    async def publish(name: Name, body: SourceBody, operator: Operator) -> Any:
        bringer = Bringer(Origin.API, operator)
        return _answer(await publisher.publish(name, body.source, body.base_version, bringer))

    return api


def _add_candidates(api: APIRouter, publisher: Publisher) -> None:
    """Changed prompts that are not live until their tests have passed."""

    @api.get("/{name:path}/candidate")
    async def candidate(name: Name) -> CandidateView:
        found = (await publisher.prompt(name)).candidate
        if found is None:
            raise NotFound("the prompt has no candidate")
        return found

    @api.post("/{name:path}/candidate/publish")
    async def publish_anyway(name: Name, body: CandidateBody, operator: Operator) -> Published:
        """Make it live although its tests have not passed."""
        return await publisher.publish_anyway(name, body.version, Bringer(Origin.API, operator))

    @api.post("/{name:path}/candidate/test", status_code=202)
    async def test_again(name: Name, body: CandidateBody, operator: Operator) -> Proposed:
        """Let the tests of one that has failed run once more."""
        del operator
        await publisher.test_again(name, body.version)
        return Proposed(name, body.version)


def _answer(outcome: Outcome | Proposed) -> Published | JSONResponse:
    match outcome:
        case Published():
            return outcome
        case Proposed(name, version):
            return JSONResponse({"name": name, "version": version}, 202, _NOT_KEPT)
        case Outdated(live):
            message = "another version is live meanwhile: look at it, then send yours again"
            return _error(409, OutdatedBody(error="conflict", message=message, live_version=live))
        case Invalid(faults):
            message = f"the text is invalid: {len(faults)} fault(s), nothing has changed"
            return _error(422, FaultsBody(error="invalid", message=message, faults=faults))


def _error(status: int, body: BaseModel) -> JSONResponse:
    return JSONResponse(body.model_dump(mode="json"), status, _NOT_KEPT)
