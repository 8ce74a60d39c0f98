"""The bot under test: a folder with its settings and prompts, and the processes that run there."""

import json
import os
import random
import shutil
import signal
import socket
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import httpx

from tests.harness.launcher import PROGRAM
from tests.harness.llm import ScriptedLlm
from tests.harness.media_host import ScriptedMediaHost
from tests.harness.network import Network, eventually
from tests.harness.process import Errand, Finished, Process, Program
from tests.harness.provider import API_KEY, SECRET, Customer, ScriptedProvider
from tests.harness.speech import ScriptedSpeech
from tests.harness.stores import Stores

TOKEN = "operator-token-of-the-tests"
FALLBACK = "Sorry, that did not work. A colleague will answer."
UNSUPPORTED = "I can only read text."

SETTINGS: Mapping[str, Any] = {
    "conversation": {"quiet_period_s": 0},
    "lines": {"default": {"prompt": "default"}},
    # Its messages would come into the middle of a dialogue; `test_watchdog_live` has it on.
    "watchdog": {"enabled": False},
}
PROMPT = f"""\
name: Test shop
instructions: |
  You answer for a test shop.
fallback: |
  {FALLBACK}
unsupported: |
  {UNSUPPORTED}
"""


class Bot:
    """Everything is written into `folder`; `env` and `settings` may be changed before a `start`."""

    def __init__(
        self,
        provider: ScriptedProvider,
        llm: ScriptedLlm,
        stores: Stores,
        media: ScriptedMediaHost,
        speech: ScriptedSpeech,
        *,
        settings: Mapping[str, Any] | None = None,
        prompts: Mapping[str, str] | None = None,
        env: Mapping[str, str] | None = None,
    ) -> None:
        self.provider = provider
        self.llm = llm
        self.media = media
        self.speech = speech
        self.network: Network = provider.network
        self.folder = Path(tempfile.mkdtemp(prefix="bot-"))
        base = _merged(SETTINGS, {"media": {"allowed_hosts": [media.allowed]}})
        self.settings = _merged(base, {} if settings is None else settings)
        self.executable: tuple[str, ...] = PROGRAM
        self.cold = False
        """Whether it starts from nothing, as an operator starts it; TESTS_START_COLD: all do."""
        self.processes: list[Process] = []
        self.port = _free_port()
        self.env = {**self._own_env(), **stores.env, **({} if env is None else env)}
        for name, text in ({"default": PROMPT} if prompts is None else prompts).items():
            self.write_prompt(name, text)

    def _own_env(self) -> dict[str, str]:
        return {
            "PATH": os.environ["PATH"],
            "HOME": str(self.folder),
            "LANG": "C.UTF-8",
            "BOT_CONFIG": str(self.folder / "config.yaml"),
            "BOT_DATA_DIR": str(self.folder / "data"),
            "BOT__SERVER__PORT": str(self.port),
            "MOSSMOON_WEBHOOK_SECRET": SECRET,
            "MOSSMOON_API_KEY": API_KEY,
            "MOSSMOON_BASE_URL": f"{self.provider.url}/api/v1",
            "OPENAI_API_KEY": "sk-of-the-tests",
            "OPENAI_BASE_URL": f"{self.llm.url}/v1",
            "DEEPGRAM_API_KEY": "dg-of-the-tests",
            "DEEPGRAM_BASE_URL": self.speech.url,
            "OPERATOR_TOKEN": TOKEN,
            **{name: os.environ[name] for name in ("BOT_DEBUG",) if name in os.environ},
        }

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def process(self) -> Process:
        """The one started last."""
        return self.processes[-1]

    @property
    def runs(self) -> bool:
        return bool(self.processes) and self.process.exit_code is None

    @property
    def log(self) -> str:
        """The output of every process so far, the latest last."""
        return "".join(f"--- bot {one.command}\n{one.log}" for one in self.processes)

    def write_prompt(self, name: str, text: str) -> Path:
        path = self.folder / "prompts" / f"{name}.yaml"
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
        return path

    def _write_settings(self) -> None:
        """An unchanged file stays as it is: the running bot reports edits."""
        path = self.folder / "config.yaml"
        text = json.dumps(self.settings, indent=2)
        if not path.exists() or path.read_text() != text:
            path.write_text(text)

    async def start(self, *command: str, ready: bool = True) -> Process:
        """`bot run` by default; `ready` False: don't wait for /readyz (`bot worker` has none)."""
        self._write_settings()
        self.provider.webhook_url = f"{self.url}/webhooks/whatsapp"
        process = await self.network.call(self._spawn(command if command else ("run",)))
        if ready:
            await self.ready()
        return process

    async def _spawn(self, command: tuple[str, ...]) -> Process:
        # On the network's thread, which lives as long as the tests: the process dies with it.
        process = Process(self.network.launcher, self._program, command)
        self.processes.append(process)
        return process

    @property
    def _program(self) -> Program:
        return Program(self.executable, self.env, self.folder, self.cold)

    async def ready(self, timeout_s: float = 30) -> None:
        async def answers() -> None:
            if not self.runs:
                raise RuntimeError(f"bot {self.process.command} has ended:\n{self.process.log}")
            try:
                response = await self.http("GET", "/readyz")
            except httpx.TransportError as error:
                raise AssertionError(f"no answer from /readyz: {error!r}") from error
            assert response.status_code == httpx.codes.OK, response.text

        await eventually(answers, timeout_s)

    async def stop(self) -> None:
        """SIGTERM to all of them, the latest first; each must exit 0 within 30 s."""
        for process in reversed(self.processes):
            if process.exit_code is None:
                await process.stop()

    async def kill(self) -> None:
        """kill -9 of the process started last."""
        await self.process.kill()

    async def restart(self) -> None:
        """The process started last again, whether it still runs (SIGTERM first) or not."""
        if self.runs:
            await self.process.stop()
        await self.start(*self.process.command.split())

    def freeze(self) -> None:
        self.process.signal(signal.SIGSTOP)

    def thaw(self) -> None:
        self.process.signal(signal.SIGCONT)

    def remove(self) -> None:
        """Nothing of it is left afterwards, whatever happened."""
        for process in self.processes:
            process.sweep_away()
        shutil.rmtree(self.folder, ignore_errors=True)

    async def http(self, method: str, path: str, **request: Any) -> httpx.Response:
        """Any request to the bot, without a token."""
        return await self.network.call(
            self.network.http.request(method, self.url + path, **request)
        )

    async def api(
        self, method: str, path: str, json: Any = None, *, expect: int | None = None, **request: Any
    ) -> Any:
        """The operator API with its token; `expect` None: any 2xx. Returns the JSON."""
        headers = {"Authorization": f"Bearer {TOKEN}", **request.pop("headers", {})}
        response = await self.http(method, path, json=json, headers=headers, **request)
        fits = response.is_success if expect is None else response.status_code == expect
        assert fits, f"{method} {path}: {response.status_code} {response.text}"
        return response.json() if response.content else None

    async def conversation(self, customer: Customer) -> Any:
        """The customer's conversation as the operator API shows it, once it exists."""

        async def found() -> Any:
            query = {"contact": customer.number, "line_id": customer.line_id}
            items = (await self.api("GET", "/api/conversations", params=query))["items"]
            assert len(items) == 1, items
            return items[0]

        return await eventually(found)

    async def messages(self, customer: Customer) -> list[Any]:
        """The newest 50 messages of the customer's conversation, oldest first."""
        conversation_id = (await self.conversation(customer))["id"]
        page = await self.api("GET", f"/api/conversations/{conversation_id}/messages")
        return list(page["items"])

    async def media_is(self, customer: Customer, state: str, *, with_error: bool = False) -> Any:
        """The customer's latest file, once it is in this state (and has met an error)."""

        async def there() -> Any:
            files = [one["media"] for one in await self.messages(customer) if one["media"]]
            assert files, "no file yet"
            assert files[-1]["state"] == state, files[-1]
            assert not with_error or files[-1]["error"], files[-1]
            return files[-1]

        return await eventually(there)

    async def handled(self, *event_ids: str, timeout_s: float = 15) -> list[Any]:
        """Waits until these provider events are done, skipped or dead, and returns them.

        Asserting that something did NOT happen: let a later event be handled first, then look.
        """

        async def settled() -> list[Any]:
            answer = await self.api("GET", "/api/events", params={"limit": 200})
            found = {event["provider_event_id"]: event for event in answer["items"]}
            states = {event_id: found.get(event_id, {}).get("state") for event_id in event_ids}
            assert all(state in {"done", "skipped", "dead"} for state in states.values()), states
            return [found[event_id] for event_id in event_ids]

        return await eventually(settled, timeout_s)

    async def cli(self, *command: str, stdin: str = "", timeout_s: float = 60) -> Finished:
        """A command with the bot's environment, run to its end."""
        self._write_settings()
        errand = await self.network.call(self._send_out(command, stdin))
        return await errand.end(timeout_s)

    async def _send_out(self, command: tuple[str, ...], stdin: str) -> Errand:
        return Errand(self.network.launcher, self._program, command, stdin)


def _merged(base: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    merged = dict(base)
    for key, value in over.items():
        both_are_sections = isinstance(value, Mapping) and isinstance(merged.get(key), Mapping)
        merged[key] = _merged(merged[key], value) if both_are_sections else value
    return merged


def _free_port() -> int:
    """Outside the range that the system hands out, so that no other server gets it meanwhile."""
    for _try in range(100):
        port = random.randint(20_000, 32_000)  # noqa: S311 - a port is no secret
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise RuntimeError("no free port found")
