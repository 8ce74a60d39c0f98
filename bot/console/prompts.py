"""What the bot speaks with: what is live, what was, an editor, and the way back."""

import asyncio
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from fastapi import APIRouter, Depends, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from bot.adapters.db.sessions import Session
from bot.console.door import ROOT, Door, check_origin, read_form
from bot.console.pages import Pages
from bot.console.tries import SAID_MAX, TALK_MAX_BYTES, Tried, write_talk
from bot.domain.prompt_shown import FaultView, Invalid, Outdated, Proposed, Published
from bot.domain.prompt_version import Bringer, Origin
from bot.domain.text_diff import diff_texts
from bot.errors import NotFound, Refused
from bot.evals.results import Results, Status, total_cost
from bot.publish import CANDIDATE, FILE, LIVE, Publisher
from bot.yaml_reader import MAX_FILE_BYTES

FORM_MAX_BYTES = 3 * (MAX_FILE_BYTES + TALK_MAX_BYTES + SAID_MAX) + 10_000
"""In a form each byte that is no plain letter takes three."""


@dataclass(frozen=True, slots=True)
class Panel:
    """Where a text is tried: the conversation so far, or what its tests came to."""

    talk: tuple[Tried, ...] = ()
    said: str = ""
    """What was written and could not be tried, to be shown again."""
    line_id: str = "default"
    fault: str = ""
    faults: tuple[FaultView, ...] = ()
    """Of the text."""
    results: Results | None = None
    is_untested: bool = False
    """There are no tests about it."""
    status: int = 200

    @property
    def kept(self) -> str:
        """For the form."""
        return write_talk(self.talk)

    @property
    def counts(self) -> dict[str, int]:
        """How many of the tests ended so."""
        run = self.results
        return {} if run is None else {one.name.lower(): run.count(one) for one in Status}

    @property
    def spent(self) -> float | None:
        """None: not known."""
        return total_cost([one.cost for one in self.talk])


@dataclass(frozen=True, slots=True)
class Written:
    """What an operator has written, to be shown again."""

    source: str
    base: str | None = None
    """The version that it was made out of; None: what is live now."""
    faults: tuple[FaultView, ...] = ()
    is_outdated: bool = False

    @property
    def status(self) -> int:
        if self.is_outdated:
            return 409
        return 422 if self.faults else 200


class Prompts:
    """The pages of prompts."""

    def __init__(self, door: Door, pages: Pages, publisher: Publisher) -> None:
        self._door = door
        self._pages = pages
        self._publisher = publisher

    def routes(self) -> APIRouter:
        """All of them. A prompt outside the folder `prompts` has slashes in its name."""
        router = APIRouter()
        router.add_api_route("/prompts", self._list, methods=["GET"])
        router.add_api_route("/prompts/{name:path}", self._page, methods=["GET"])
        for action, act in (
            ("check", self._check),
            ("publish", self._publish),
            ("rollback", self._rollback),
            ("anyway", self._publish_anyway),
            ("again", self._test_again),
        ):
            router.add_api_route(
                f"/prompts/{{name:path}}/{action}",
                act,
                methods=["POST"],
                dependencies=[Depends(check_origin)],
            )
        return router

    async def _list(self, request: Request) -> HTMLResponse:
        session = await self._door.require(request)
        page = await self._publisher.prompts()
        return self._pages.show(request, "prompts.html", session=session, prompts=page.items)

    async def _page(self, request: Request, name: str) -> HTMLResponse:
        session = await self._door.require(request)
        return await self.show(request, name, session)

    async def _check(self, request: Request, name: str) -> HTMLResponse:
        await self._door.require(request)
        fields = await read_form(request, FORM_MAX_BYTES)
        invalid = await self._publisher.check(name, unix(fields.get("source", "")))
        faults = () if invalid is None else invalid.faults
        return self._pages.show(request, "_faults.html", faults=faults)

    async def _publish(self, request: Request, name: str) -> Response:
        session = await self._door.require(request)
        fields = await read_form(request, FORM_MAX_BYTES)
        base = fields.get("base") or None
        source = await self.as_edited(name, base, unix(fields.get("source", "")))
        bringer = Bringer(Origin.CONSOLE, session.operator)
        match await self._publisher.publish(name, source, base, bringer):
            case Published() as published:
                return await self._published(request, name, session, published)
            case Proposed():
                return RedirectResponse(_address(name), 303)
            case Outdated():
                # What the page shows to be overwritten is what may be overwritten next.
                return await self.show(request, name, session, Written(source, is_outdated=True))
            case Invalid(faults):
                return await self.show(request, name, session, Written(source, base, faults))

    async def _publish_anyway(self, request: Request, name: str) -> Response:
        session = await self._door.require(request)
        version = (await read_form(request)).get("version", "")
        bringer = Bringer(Origin.CONSOLE, session.operator)
        published = await self._publisher.publish_anyway(name, version, bringer)
        return await self._published(request, name, session, published)

    async def _test_again(self, request: Request, name: str) -> Response:
        await self._door.require(request)
        await self._publisher.test_again(name, (await read_form(request)).get("version", ""))
        return RedirectResponse(_address(name), 303)

    async def _rollback(self, request: Request, name: str) -> Response:
        session = await self._door.require(request)
        version = (await read_form(request)).get("version", "")
        bringer = Bringer(Origin.CONSOLE, session.operator, is_rollback=True)
        match await self._publisher.rollback(name, version, bringer):
            case Published() as published:
                return await self._published(request, name, session, published)
            case Outdated():
                raise Refused("somebody else was faster: load the page again, and look")
            case Invalid(faults):
                old = await self._publisher.text(name, version)
                return await self.show(
                    request,
                    name,
                    session,
                    Written(self._publisher.own_text(old.source), faults=faults),
                )

    async def _published(
        self, request: Request, name: str, session: Session, published: Published
    ) -> Response:
        if published.file_fault is not None or published.set_aside is not None:
            return await self.show(request, name, session, published=published)
        return RedirectResponse(f"{_address(name)}?done=1", 303)

    async def show(
        self,
        request: Request,
        name: str,
        session: Session,
        written: Written | None = None,
        *,
        published: Published | None = None,
        panel: Panel = Panel(),
    ) -> HTMLResponse:
        """`written` None: the editor holds what is live."""
        view = await self._publisher.prompt(name)
        live = None if view.version is None else await self._publisher.text(name, view.version)
        shown = "" if live is None else self._publisher.own_text(live.source)
        editing = Written(shown) if written is None else written
        return self._pages.show(
            request,
            "prompt.html",
            max(editing.status, panel.status),
            session=session,
            prompt=view,
            versions=(await self._publisher.history(name)).items,
            diff=await self._chosen_diff(request, name),
            source=editing.source,
            base=(view.version or "") if editing.base is None else editing.base,
            published=published,
            is_done="done" in request.query_params,
            is_outdated=editing.is_outdated,
            conflict=await _diff(shown, editing.source) if editing.is_outdated else (),
            faults=editing.faults,
            LIVE=LIVE,
            FILE=FILE,
            CANDIDATE=CANDIDATE,
            panel=panel,
            is_gated=self._publisher.is_gated,
        )

    async def _chosen_diff(self, request: Request, name: str) -> dict[str, Any] | None:
        asked = request.query_params
        before, after = asked.get("a", ""), asked.get("b", "") or LIVE
        if not before or request.method != "GET":
            return None
        old = await self._publisher.text(name, before)
        new = await self._publisher.text(name, after)
        lines = await _diff(old.source, new.source)
        return {"before": old.version, "after": new.version, "lines": lines}

    async def as_edited(self, name: str, base: str | None, source: str) -> str:
        """With the line ends of the text that was edited: browsers send their own."""
        if base is None:
            return source
        try:
            edited = (await self._publisher.text(name, base)).source
        except NotFound:
            return source
        return source.replace("\n", "\r\n") if "\r\n" in edited else source


async def _diff(before: str, after: str) -> Any:
    return await asyncio.to_thread(diff_texts, before, after)


def unix(text: str) -> str:
    return text.replace("\r\n", "\n")


def _address(name: str) -> str:
    return f"{ROOT}/prompts/{quote(name)}"
