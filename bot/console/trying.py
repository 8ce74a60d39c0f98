"""A prompt is tried on its page: as a customer, and with its tests."""

from collections.abc import Mapping
from dataclasses import replace

from fastapi import APIRouter, Depends, Request
from fastapi.responses import HTMLResponse

from bot.adapters.db.sessions import Session
from bot.console.door import Door, check_origin, read_form
from bot.console.pages import Pages
from bot.console.prompts import FORM_MAX_BYTES, Panel, Prompts, Written, unix
from bot.console.tries import Tries, read_talk
from bot.domain.prompt_shown import show_fault
from bot.errors import Refused, SettingsError
from bot.publish import Publisher


class Trying:
    """Each call answers with the panel, or (without JavaScript) with the page around it."""

    def __init__(
        self, door: Door, pages: Pages, prompts: Prompts, publisher: Publisher, tries: Tries
    ) -> None:
        self._door = door
        self._pages = pages
        self._prompts = prompts
        self._publisher = publisher
        self._tries = tries

    def routes(self) -> APIRouter:
        """All of them are posted, from our own pages."""
        router = APIRouter(dependencies=[Depends(check_origin)])
        router.add_api_route("/prompts/{name:path}/try", self._try, methods=["POST"])
        router.add_api_route("/prompts/{name:path}/tests", self._test, methods=["POST"])
        return router

    async def _try(self, request: Request, name: str) -> HTMLResponse:
        session = await self._door.require(request)
        fields = await read_form(request, FORM_MAX_BYTES)
        view = await self._publisher.prompt(name)
        line_id = _one_of(fields.get("line", ""), view.lines)
        panel = Panel(said=unix(fields.get("said", "")), line_id=line_id)
        if "anew" in fields:
            return await self._show(request, name, session, fields, replace(panel, said=""))
        try:
            panel = replace(panel, talk=read_talk(fields.get("talk", "")))
            panel = await self._answered(name, fields, panel, session.operator)
        except (SettingsError, Refused) as error:
            panel = _faulty(panel, error, view.file)
        return await self._show(request, name, session, fields, panel)

    async def _answered(
        self, name: str, fields: Mapping[str, str], panel: Panel, operator: str
    ) -> Panel:
        if not panel.said.strip():
            return replace(panel, fault="nothing_written", status=422)
        source = await self._source(name, fields)
        talk = await self._tries.answer(
            name, source, panel.line_id, panel.talk, panel.said, operator
        )
        return replace(panel, talk=talk, said="")

    async def _test(self, request: Request, name: str) -> HTMLResponse:
        session = await self._door.require(request)
        fields = await read_form(request, FORM_MAX_BYTES)
        view = await self._publisher.prompt(name)
        line_id = _one_of(fields.get("line", ""), view.lines)
        panel = Panel(said=unix(fields.get("said", "")), line_id=line_id)
        try:
            panel = replace(panel, talk=read_talk(fields.get("talk", "")))
            source = await self._source(name, fields)
            results = await self._tries.test(name, source, session.operator)
            panel = replace(panel, results=results, is_untested=results is None)
        except (SettingsError, Refused) as error:
            panel = _faulty(panel, error, view.file)
        return await self._show(request, name, session, fields, panel)

    async def _source(self, name: str, fields: Mapping[str, str]) -> str:
        base = fields.get("base") or None
        return await self._prompts.as_edited(name, base, unix(fields.get("source", "")))

    async def _show(
        self,
        request: Request,
        name: str,
        session: Session,
        fields: Mapping[str, str],
        panel: Panel,
    ) -> HTMLResponse:
        if request.headers.get("hx-request"):
            prompt = await self._publisher.prompt(name)
            return self._pages.show(request, "_try.html", panel=panel, prompt=prompt)
        written = Written(unix(fields.get("source", "")), fields.get("base") or None)
        return await self._prompts.show(request, name, session, written, panel=panel)


def _one_of(asked: str, lines: tuple[str, ...]) -> str:
    if asked in lines or not lines:
        return asked if asked in lines else "default"
    return "default" if "default" in lines else lines[0]


def _faulty(panel: Panel, error: SettingsError | Refused, file: str) -> Panel:
    """Nothing that was typed is lost."""
    match error:
        case SettingsError(faults=faults):
            shown = tuple(show_fault(fault, file) for fault in faults)
            return replace(panel, fault="text_is_invalid", faults=shown, status=422)
        case Refused(status=status):
            return replace(panel, fault=str(error), status=422 if status is None else status)
