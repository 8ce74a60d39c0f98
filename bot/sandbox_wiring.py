"""`bot dev`: the sandbox's line, media host and stand-ins in place of the real ones."""

import asyncio
import secrets
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import quote

from pydantic import SecretStr

from bot.config import OperatorToken, Settings
from bot.outside import Endpoints, configured_endpoints, has_llm
from bot.sandbox.app import LINE_ID, OWNER, SandboxApp, create


@dataclass(frozen=True, slots=True)
class Sandbox:
    """The stand-ins of one `bot dev`."""

    app: SandboxApp
    endpoints: Endpoints
    secret: str
    line_id: str
    greeting: str
    """What the operator reads on the terminal: the one URL to open."""


def with_operator(settings: Settings) -> Settings:
    """The settings with a token made up for this run and an operator, where none are set."""
    changes: dict[str, Any] = {}
    if not settings.secrets.operator_tokens:
        made = OperatorToken("dev", SecretStr(secrets.token_urlsafe(24)))
        changes["secrets"] = replace(settings.secrets, operator_tokens=(made,))
    if not settings.line(LINE_ID).operators:
        owner = {"operators": (OWNER[0],)}
        changes["takeover"] = settings.takeover.model_copy(update=owner)
    return settings.model_copy(update=changes)


def open_sandbox(settings: Settings, port: int, stopping: asyncio.Event) -> Sandbox:
    """Put the sandbox together for a server on this port of the loopback."""
    base = f"http://127.0.0.1:{port}"
    given = settings.secrets.webhook_secrets
    secret = given[0].get_secret_value() if given else secrets.token_urlsafe(32)
    api_key = f"mm_live_sandbox_{secrets.token_urlsafe(24)}"
    key = secrets.token_urlsafe(24)
    stand_in, mute = not has_llm(settings), lacks_speech(settings)
    app = create(
        secret=secret,
        api_key=api_key,
        webhook_url=f"{base}/webhooks/whatsapp",
        key=key,
        own_port=port,
        model_enabled=stand_in,
        model_name=settings.llm.model,
        speech_enabled=mute,
        shop_name=settings.business.name or "Your shop",
        has_owner=OWNER[0] in settings.line(LINE_ID).operators,
        stopping=stopping,
    )
    configured = configured_endpoints(settings)
    endpoints = Endpoints(
        line_url=f"{base}/sandbox/line/api/v1",
        line_key=api_key,
        llm_url=f"{base}/sandbox/model/v1" if stand_in else configured.llm_url,
        llm_key=api_key if stand_in else configured.llm_key,
        speech_url=f"{base}/sandbox/speech" if mute else configured.speech_url,
        speech_key=api_key if mute else configured.speech_key,
        media_hosts=(f"127.0.0.1:{port}",),
    )
    return Sandbox(app, endpoints, secret, LINE_ID, _greeting(settings, base, key))


def lacks_speech(settings: Settings) -> bool:
    """Whether voice notes would go to a service that there is no key for."""
    return settings.speech.provider == "deepgram" and settings.secrets.deepgram_api_key is None


def _greeting(settings: Settings, base: str, key: str) -> str:
    token = settings.secrets.operator_tokens[0].token.get_secret_value()
    lines = [
        "",
        f"  Open the phone:  {base}/sandbox?key={key}",
        "",
        f"  The console:     {base}/console/sign-in?token={quote(token, safe='')}",
        f"  Operator API:    curl -H 'Authorization: Bearer {token}' {base}/api/conversations",
    ]
    if OWNER[0] in settings.line(LINE_ID).operators:
        lines.append(f"  Operator:        {OWNER[1]}, on that phone: try #help")
    if not has_llm(settings):
        lines.append("  Model:           no OPENAI_API_KEY, so a stand-in quotes the prompt")
    if lacks_speech(settings):
        lines.append("  Speech:          no DEEPGRAM_API_KEY, so a stand-in only tells the length")
    return "\n".join([*lines, ""])
