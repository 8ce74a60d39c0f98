"""`bot dev`: the sandbox's line and model in place of the real ones."""

import asyncio
import secrets
from dataclasses import dataclass

from bot.bootstrap import Endpoints, configured_endpoints, has_llm
from bot.config import Settings
from bot.sandbox.app import LINE_ID, SandboxApp, create


@dataclass(frozen=True, slots=True)
class Sandbox:
    """The stand-ins of one `bot dev`."""

    app: SandboxApp
    endpoints: Endpoints
    secret: str
    line_id: str
    greeting: str
    """What the operator reads on the terminal: the one URL to open."""


def open_sandbox(settings: Settings, port: int, stopping: asyncio.Event) -> Sandbox:
    """Put the sandbox together for a server on this port of the loopback."""
    base = f"http://127.0.0.1:{port}"
    given = settings.secrets.webhook_secrets
    secret = given[0].get_secret_value() if given else secrets.token_urlsafe(32)
    api_key = f"mm_live_sandbox_{secrets.token_urlsafe(24)}"
    key = secrets.token_urlsafe(24)
    stand_in = not has_llm(settings)
    app = create(
        secret=secret,
        api_key=api_key,
        webhook_url=f"{base}/webhooks/whatsapp",
        key=key,
        own_port=port,
        model_enabled=stand_in,
        model_name=settings.llm.model,
        shop_name=settings.business.name or "Your shop",
        stopping=stopping,
    )
    configured = configured_endpoints(settings)
    endpoints = Endpoints(
        line_url=f"{base}/sandbox/line/api/v1",
        line_key=api_key,
        llm_url=f"{base}/sandbox/model/v1" if stand_in else configured.llm_url,
        llm_key=api_key if stand_in else configured.llm_key,
    )
    return Sandbox(app, endpoints, secret, LINE_ID, _greeting(base, key, stand_in=stand_in))


def _greeting(base: str, key: str, *, stand_in: bool) -> str:
    lines = ["", f"  The phone:  {base}/sandbox?key={key}", ""]
    if stand_in:
        lines += ["  No OPENAI_API_KEY is set: a stand-in answers by quoting the prompt.", ""]
    return "\n".join(lines)
