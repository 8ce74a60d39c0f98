"""Every error of the console as a page that says what to do next."""

import structlog
from fastapi import FastAPI, Request
from fastapi.responses import Response
from starlette.exceptions import HTTPException

from bot.console.door import ROOT, NotFromHere, NotSignedIn, to_sign_in, to_sign_in_from_part
from bot.console.pages import Pages
from bot.errors import BotError, NotFound, Refused, Unavailable

log = structlog.get_logger()


class Changed(Exception):
    """What was to be changed is not as the page shows it any more."""


class Faults:
    """Answers errors with pages."""

    def __init__(self, pages: Pages) -> None:
        self._pages = pages

    def install(self, app: FastAPI) -> None:
        """Let all errors of the app be answered here."""
        app.add_exception_handler(NotSignedIn, self._not_signed_in)
        app.add_exception_handler(NotFromHere, self._not_from_here)
        app.add_exception_handler(Changed, self._changed)
        app.add_exception_handler(BotError, self._bot_error)
        app.add_exception_handler(HTTPException, self._framework_error)
        app.add_exception_handler(Exception, self._internal_error)

    def _show(self, request: Request, status: int, fault: str, text: str = "") -> Response:
        if request.headers.get("hx-request"):
            return self._show_part(request, status, fault, text)
        return self._pages.show(request, "error.html", status, fault=fault, text=text)

    def _show_part(self, request: Request, status: int, fault: str, text: str) -> Response:
        """Beside the page, where nothing typed is lost; in place of a thread that is gone."""
        is_gone = status == 404 and request.url.path.startswith(f"{ROOT}/parts/thread/")
        fault = "gone" if is_gone else f"error_{fault}"
        answer = self._pages.show(request, "_fault.html", status, fault=fault, text=text)
        target = "#thread" if is_gone else "#fault"
        answer.headers.update(
            {"HX-Retarget": target, "HX-Reselect": "#said", "HX-Reswap": "innerHTML"}
        )
        return answer

    async def _not_signed_in(self, request: Request, _error: Exception) -> Response:
        if request.headers.get("hx-request"):
            return Response(status_code=401, headers={"HX-Redirect": to_sign_in_from_part(request)})
        return to_sign_in(request)

    async def _changed(self, request: Request, _error: Exception) -> Response:
        return self._show(
            request, 409, "refused", self._pages.words(request)["handed_back_already"]
        )

    async def _not_from_here(self, request: Request, _error: Exception) -> Response:
        return self._show(request, 403, "not_from_here")

    async def _bot_error(self, request: Request, error: Exception) -> Response:
        match error:
            case NotFound():
                return self._show(request, 404, "not_found")
            case Unavailable():
                return self._show(request, 503, "unavailable")
            case Refused(status=status):
                return self._show(request, 409 if status is None else status, "refused", str(error))
            case _:
                return self._show(request, 409, "refused")

    async def _framework_error(self, request: Request, error: Exception) -> Response:
        status = error.status_code if isinstance(error, HTTPException) else 500
        return self._show(request, status, "not_found")

    async def _internal_error(self, request: Request, error: Exception) -> Response:
        log.error("console.failed", error=type(error).__name__, exc_info=True)  # noqa: LOG014 - called in one
        return self._show(request, 500, "internal")
