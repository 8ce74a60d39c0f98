"""Signing in and out."""

from typing import Annotated

from fastapi import APIRouter, Depends, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from bot.adapters.db.sessions import Session
from bot.console.door import (
    ROOT,
    SIGN_IN,
    Door,
    check_origin,
    forget,
    keep,
    read_form,
    safe_next,
)
from bot.console.pages import Pages


def routes(door: Door, pages: Pages) -> APIRouter:
    """The only pages that are shown to everybody."""
    router = APIRouter()

    @router.get("/sign-in")
    async def form(request: Request) -> HTMLResponse:
        wanted = safe_next(request.query_params.get("next", ROOT))
        # `bot dev` prints an address with its token, which only fills the form.
        token = request.query_params.get("token", "")
        return pages.show(request, "sign_in.html", next=wanted, token=token, fault="", wait_s=0)

    @router.post("/sign-in", dependencies=[Depends(check_origin)])
    async def sign_in(request: Request) -> Response:
        fields = await read_form(request)
        wanted = safe_next(fields.get("next", ROOT))
        let_in = await door.let_in(request, fields.get("token", ""))
        if isinstance(let_in, str):
            answer = RedirectResponse(wanted, 303)
            keep(answer, let_in, request)
            return answer
        status, fault = (401, "wrong_token") if let_in is None else (429, "too_many")
        return pages.show(
            request, "sign_in.html", status, next=wanted, token="", fault=fault, wait_s=let_in or 0
        )

    @router.post("/sign-out", dependencies=[Depends(check_origin)])
    async def sign_out(
        request: Request, session: Annotated[Session, Depends(door.require)]
    ) -> Response:
        fields = await read_form(request)
        if fields.get("everywhere"):
            await door.sessions.end_all(session.operator)
        else:
            await door.sessions.end(session)
        answer = RedirectResponse(SIGN_IN, 303)
        forget(answer)
        return answer

    return router
