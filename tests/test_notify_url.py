"""One notice to the operators' webhook: what leaves, what each answer means, what is never told."""

import asyncio
import shutil
import socket
import ssl
import subprocess
import threading
import traceback
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from bot.adapters.notify_url import NotifyUrl
from bot.errors import Refused, Unavailable
from tests.harness import Answer, Behaviour, Drop, Gate, Hang, Network, eventually
from tests.harness.http_server import ScriptedServer
from tests.raw_http import serving

PATIENT = timedelta(seconds=60)
HASTY = timedelta(seconds=0.3)
LIMIT_S = 20
"""Of a test: far below PATIENT, far above HASTY."""
NOTICE = {"text": "Ana (…222) wants a person 😀"}
SECRET = "T0B0-secret"

Talk = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@pytest.fixture
def hook(network: Network) -> Iterator[ScriptedServer]:
    server = ScriptedServer(network)
    yield server
    server.close()


@asynccontextmanager
async def notifying(url: str, within: timedelta = PATIENT) -> AsyncIterator[NotifyUrl]:
    notify_url = NotifyUrl(url, within)
    try:
        async with asyncio.timeout(LIMIT_S):
            yield notify_url
    finally:
        await notify_url.close()


@asynccontextmanager
async def talking(
    network: Network, talk: Talk, tls: ssl.SSLContext | None = None
) -> AsyncIterator[str]:
    """The address of a server that leaves it to `talk` what is said; connections end with it."""
    conversations: set[asyncio.Task[Any]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        conversations.add(task)
        try:
            await talk(reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass
        finally:
            writer.transport.abort()

    async def end() -> None:
        listener.close()
        for task in conversations:
            task.cancel()
        await asyncio.gather(*conversations)

    listener = await network.call(asyncio.start_server(serve, "127.0.0.1", 0, ssl=tls))
    try:
        yield f"{'https' if tls else 'http'}://127.0.0.1:{listener.sockets[0].getsockname()[1]}"
    finally:
        await network.call(end())


def saying(head: bytes, over_and_over: bytes = b"", pause_s: float = 0) -> Talk:
    """After the request: `head`, then the rest again and again, or nothing more at all."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(head)
        while over_and_over:
            writer.write(over_and_over)
            await writer.drain()
            await asyncio.sleep(pause_s)
        await reader.read()
        await asyncio.Event().wait()

    return talk


async def failure_of(url: str, within: timedelta = PATIENT) -> Unavailable | Refused:
    async with notifying(url, within) as notify_url:
        try:
            await notify_url.post("ntc_1", NOTICE)
        except (Unavailable, Refused) as failure:
            return failure
    pytest.fail("the notice was delivered")


class SlowName:
    """A name whose look-up takes until `answered`, and then leads to this machine."""

    name = "slow.internal"

    def __init__(self) -> None:
        self.asked = threading.Event()
        self.answered = threading.Event()
        self._look_up = socket.getaddrinfo

    def look_up(self, host: Any, *rest: Any, **more: Any) -> Any:
        if host != self.name:
            return self._look_up(host, *rest, **more)
        self.asked.set()
        self.answered.wait(LIMIT_S)
        return self._look_up("127.0.0.1", *rest, **more)


@pytest.fixture
def slow_name(monkeypatch: pytest.MonkeyPatch) -> SlowName:
    slow = SlowName()
    monkeypatch.setattr(socket, "getaddrinfo", slow.look_up)
    return slow


# What leaves


async def test_a_notice_leaves_as_json_with_its_id(hook: ScriptedServer) -> None:
    async with notifying(f"{hook.url}/a%2Fb/%7E?sig=a%2Fb%3D+c") as notify_url:
        await notify_url.post("ntc_1", NOTICE)

    (request,) = hook.requests
    assert (request.method, request.path) == ("POST", "/a%2Fb/%7E?sig=a%2Fb%3D+c")
    assert request.json == NOTICE
    assert "😀".encode() in request.body
    assert request.headers["idempotency-key"] == "ntc_1"
    assert request.headers["content-type"] == "application/json"
    assert request.headers["accept-encoding"] == "identity"
    assert request.headers["user-agent"] == "whatsapp-bot"
    assert "authorization" not in request.headers


async def test_a_lone_surrogate_stops_nothing(hook: ScriptedServer) -> None:
    async with notifying(hook.url) as notify_url:
        await notify_url.post("ntc_1", {"text\udfff": ["a\ud800b"]})

    assert hook.requests[0].json == {"text?": ["a?b"]}


@pytest.mark.parametrize("place", ["{}/grüße", " {}/gr%C3%BC%C3%9Fe\n"])
async def test_an_address_may_be_written_for_people(hook: ScriptedServer, place: str) -> None:
    async with notifying(place.format(hook.url)) as notify_url:
        await notify_url.post("ntc_1", NOTICE)

    assert hook.requests[0].path == "/gr%C3%BC%C3%9Fe"


async def test_credentials_in_the_address_are_used(hook: ScriptedServer) -> None:
    async with notifying(hook.url.replace("//", "//ana:p%40ss@")) as notify_url:
        await notify_url.post("ntc_1", NOTICE)

    assert hook.requests[0].headers["authorization"] == "Basic YW5hOnBAc3M="


async def test_cookies_are_not_kept_and_proxies_of_the_environment_not_used(
    hook: ScriptedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    hook.always(Answer(headers={"Set-Cookie": "a=b"}))
    async with notifying(hook.url.replace("127.0.0.1", "localhost")) as notify_url:
        await notify_url.post("ntc_1", NOTICE)
        await notify_url.post("ntc_2", NOTICE)

    assert len(hook.requests) == 2
    assert not any("cookie" in request.headers for request in hook.requests)


# Answers


@pytest.mark.parametrize("status", [200, 201, 202, 204, 299])
async def test_every_2xx_is_delivered(hook: ScriptedServer, status: int) -> None:
    hook.always(Answer(status, b"" if status == 204 else b"<html>no_service"))
    async with notifying(hook.url) as notify_url:
        await notify_url.post("ntc_1", NOTICE)

    assert len(hook.requests) == 1


@pytest.mark.parametrize("status", [408, 425, 429, 500, 502, 503, 504, 599])
@pytest.mark.parametrize(
    ("header", "wait"), [("7", timedelta(seconds=7)), ("soon", None), (None, None)]
)
async def test_a_receiver_that_can_not_now_is_asked_again_when_it_says(
    hook: ScriptedServer, status: int, header: str | None, wait: timedelta | None
) -> None:
    hook.always(Answer(status, headers={} if header is None else {"Retry-After": header}))
    failure = await failure_of(hook.url)

    assert isinstance(failure, Unavailable)
    assert failure.retry_after == wait
    assert str(failure) == f"127.0.0.1 answered the notice with {status}"
    assert len(hook.requests) == 1, "no retries of the client's own"


@pytest.mark.parametrize("status", [400, 401, 402, 403, 404, 405, 409, 410, 413, 418, 422, 499])
async def test_every_other_4xx_is_final(hook: ScriptedServer, status: int) -> None:
    hook.always(Answer(status, {"error": "no"}, {"Retry-After": "7"}))
    failure = await failure_of(hook.url)

    assert isinstance(failure, Refused)
    assert failure.status == status
    assert f"127.0.0.1 answered the notice with {status}: " in str(failure)
    assert len(hook.requests) == 1


@pytest.mark.parametrize(
    ("status", "remedy"),
    [
        (400, "it can't read this notice, or check takeover.notify_url"),
        (403, "check takeover.notify_url"),
        (409, "it has this notice already, or check takeover.notify_url"),
        (413, "this notice is too large for it"),
    ],
)
async def test_a_refusal_says_what_to_do(hook: ScriptedServer, status: int, remedy: str) -> None:
    hook.always(Answer(status))

    assert str(await failure_of(hook.url)).endswith(f"{status}: {remedy}")


@pytest.mark.parametrize("status", [300, 301, 302, 303, 304, 307, 308])
async def test_a_redirect_is_never_followed(hook: ScriptedServer, status: int) -> None:
    hook.always(Answer(status, b"", {"Location": f"{hook.url}/{SECRET}"}))
    failure = await failure_of(hook.url)

    assert isinstance(failure, Refused)
    assert failure.status == status
    assert "write the final address in takeover.notify_url" in str(failure)
    assert SECRET not in str(failure)
    assert len(hook.requests) == 1


STALLED_BODY = b"content-length: 50\r\n\r\nok"
ENDLESS_BODY = b"transfer-encoding: chunked\r\n\r\n"
CHUNK = b"1000\r\n" + b"x" * 0x1000 + b"\r\n"


@pytest.mark.parametrize(
    ("body", "more", "pause_s", "within"),
    [
        pytest.param(STALLED_BODY, b"", 0, HASTY, id="stalls"),
        pytest.param(ENDLESS_BODY, b"1\r\nx\r\n", 0.01, HASTY, id="drips"),
        pytest.param(ENDLESS_BODY, CHUNK, 0, PATIENT, id="is longer than anybody reads"),
    ],
)
async def test_the_status_counts_whatever_becomes_of_the_body(
    network: Network, body: bytes, more: bytes, pause_s: float, within: timedelta
) -> None:
    talk = saying(b"HTTP/1.1 200 OK\r\n" + body, more, pause_s)
    async with talking(network, talk) as url, notifying(url, within) as notify_url:
        await notify_url.post("ntc_1", NOTICE)
    async with talking(network, saying(b"HTTP/1.1 404 X\r\n" + body, more, pause_s)) as url:
        assert isinstance(await failure_of(url, within), Refused)
    head = b"HTTP/1.1 503 X\r\nretry-after: 7\r\n"
    async with talking(network, saying(head + body, more, pause_s)) as url:
        failure = await failure_of(url, within)
        assert isinstance(failure, Unavailable)
        assert failure.retry_after == timedelta(seconds=7)


async def test_a_body_that_breaks_off_changes_nothing() -> None:
    reply = b"HTTP/1.1 200 OK\r\n" + STALLED_BODY
    async with serving(reply) as server, notifying(server.url) as notify_url:
        await notify_url.post("ntc_1", NOTICE)

    assert len(server.requests) == 1


# No answer


async def never_read(_reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
    await asyncio.Event().wait()


@pytest.mark.parametrize(
    "talk",
    [
        pytest.param(never_read, id="accepts and no more"),
        pytest.param(saying(b""), id="hears and says nothing"),
        pytest.param(saying(b"HTTP/1.1 200 OK\r\nx: ", b"y", 0.01), id="drips"),
        pytest.param(saying(b"", b"HTTP/1.1 100 Continue\r\n\r\n"), id="is about to answer"),
    ],
)
async def test_the_time_out_bounds_everything(network: Network, talk: Talk) -> None:
    async with talking(network, talk) as url:
        failure = await failure_of(url, HASTY)

    assert isinstance(failure, Unavailable)
    assert str(failure) == "127.0.0.1 can't be notified (no answer in time)"


async def test_the_time_out_bounds_the_look_up_of_a_name(slow_name: SlowName) -> None:
    failure = await failure_of(f"http://{SlowName.name}/x", HASTY)
    slow_name.answered.set()

    assert isinstance(failure, Unavailable)
    assert "in time" in str(failure)


@pytest.mark.parametrize(
    "reply",
    [
        b"",
        b"HTTP/1.1 2",
        b"HTTP/1.1 200 OK\r\ncontent-",
        b"not http\r\n\r\n",
        b"HTTP/1.1 2000 OK\r\n\r\n",
        b"HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ncontent-length: -1\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nx: " + b"y" * 100_000 + b"\r\n\r\n",
    ],
    ids=lambda reply: repr(reply[:40]),
)
async def test_a_broken_answer_is_none(reply: bytes) -> None:
    async with serving(reply) as server:
        assert isinstance(await failure_of(server.url), Unavailable)

    assert len(server.requests) == 1


@pytest.mark.parametrize("drop", [Drop(), Drop(reset=False)], ids=["reset", "ended"])
async def test_a_connection_that_ends_is_an_outage(hook: ScriptedServer, drop: Drop) -> None:
    hook.always(drop)
    assert isinstance(await failure_of(hook.url), Unavailable)
    assert len(hook.requests) == 1


async def test_a_receiver_that_is_away_is_notified_when_it_is_back(hook: ScriptedServer) -> None:
    async with notifying(hook.url) as notify_url:
        await hook.down()
        with pytest.raises(Unavailable, match="ClientConnectorError"):
            await notify_url.post("ntc_1", NOTICE)
        await hook.up()
        await notify_url.post("ntc_1", NOTICE)

    assert len(hook.requests) == 1


async def test_a_name_that_is_not_found_is_an_outage() -> None:
    failure = await failure_of("http://hooks.invalid/x")

    assert isinstance(failure, Unavailable)
    assert "hooks.invalid" in str(failure)


# TLS


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One that signs itself, for 127.0.0.1 only; the key lies in the same file."""
    openssl = shutil.which("openssl")
    if openssl is None:
        pytest.skip("needs the program openssl to make a certificate")
    path = tmp_path_factory.mktemp("tls") / "both.pem"
    options = "-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=test"
    options += " -addext subjectAltName=IP:127.0.0.1 -keyout both.pem -out certificate.pem"
    command = [openssl, "req", "-x509", *options.split()]
    subprocess.run(command, cwd=path.parent, check=True, capture_output=True, timeout=30)
    path.write_text(path.read_text() + (path.parent / "certificate.pem").read_text())
    return path


@pytest.fixture
def tls(certificate: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    return context


async def test_a_certificate_that_is_trusted_is_enough(
    network: Network, certificate: Path, tls: ssl.SSLContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    talk = saying(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")
    async with talking(network, talk, tls) as url, notifying(url) as notify_url:
        await notify_url.post("ntc_1", NOTICE)


async def test_a_certificate_that_nobody_vouches_for_is_an_outage(
    network: Network, tls: ssl.SSLContext
) -> None:
    async with talking(network, saying(b"HTTP/1.1 200 OK\r\n\r\n"), tls) as url:
        failure = await failure_of(url)

    assert isinstance(failure, Unavailable)
    assert "127.0.0.1 can't be notified (ClientConnectorCertificateError)" in str(failure)


async def test_a_receiver_that_speaks_no_tls_is_an_outage(network: Network) -> None:
    async def talk(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
        await asyncio.Event().wait()

    async with talking(network, talk) as url:
        failure = await failure_of(url.replace("http:", "https:"))

    assert isinstance(failure, Unavailable)
    assert "SSL" in str(failure)


# Addresses, and what is told of them


@pytest.mark.parametrize(
    "url",
    [
        "",
        " ",
        "no url at all",
        f"hooks.slack.com/services/{SECRET}",
        f"//hooks.slack.com/services/{SECRET}",
        f"https:hooks.slack.com/services/{SECRET}",
        f"https:///services/{SECRET}",
        f"https://hooks.slack.com\\services\\{SECRET}",
        f"https://hooks.slack.com%2Fservices%2F{SECRET}",
        f"https://hooks.slack.com／services／{SECRET}",
        f"https://hooks.slack.com/services/\ud800{SECRET}",
        f"https://hooks.slack.com/services/\r\nx: {SECRET}",
        f"https://hooks.slack.com/ {SECRET}",
        f"https://ana:p/{SECRET}@hooks.slack.com/x",
        f"ftp://127.0.0.1/{SECRET}",
        f"http+unix://127.0.0.1/{SECRET}",
        f"http://127.0.0.1:99999/{SECRET}",
        f"http://127.0.0.1:0/{SECRET}",
        f"http://127.0.0.1:{SECRET}",
        f"http://127.1/{SECRET}",
        f"http://[::1/{SECRET}",
        f"http://a..b/{SECRET}",
        f"http://{'a' * 64}.invalid/{SECRET}",
        f"http://{'ä' * 64}.invalid/{SECRET}",
        f"http://ana:😀{SECRET}@127.0.0.1:9/",
        "http://",
        "http://\x00/",
    ],
    ids=ascii,
)
async def test_an_unusable_address_is_refused_and_not_told(url: str) -> None:
    failure = await failure_of(url)

    assert isinstance(failure, Refused)
    assert "takeover.notify_url" in str(failure)
    assert SECRET not in f"{failure} {failure!r}"


async def test_an_id_that_fits_no_header_sends_nothing(hook: ScriptedServer) -> None:
    async with notifying(hook.url) as notify_url:
        with pytest.raises(Refused):
            await notify_url.post("ntc_1\r\nX-Evil: 1", NOTICE)
        await notify_url.post("ntc_2", NOTICE)

    (request,) = hook.requests
    assert request.headers["idempotency-key"] == "ntc_2"


@pytest.mark.parametrize(
    "behaviour",
    [
        Answer(200),
        Answer(302, headers={"Location": f"http://127.0.0.1:9/{SECRET}"}),
        Answer(404, SECRET),
        Answer(503, SECRET, {"Retry-After": SECRET}),
        Answer(headers={"content-length": "nonsense"}),
        Answer(headers={"set-cookie": "[=]; domain=;"}),
        Answer(headers={"content-length": "1000"}),
        Hang(),
        Drop(),
        None,
    ],
    ids=lambda behaviour: repr(behaviour)[:60],
)
async def test_nothing_tells_more_of_the_address_than_its_host(
    hook: ScriptedServer, behaviour: Behaviour | None, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    asyncio.get_running_loop().set_debug(True)
    hook.always(behaviour)
    if behaviour is None:
        await hook.down()
    url = f"{hook.url.replace('//', f'//ana:{SECRET}@')}/{SECRET}?sig={SECRET}"
    told: list[Any] = []
    async with notifying(url, HASTY) as notify_url:
        told.append(notify_url)
        try:
            await notify_url.post("ntc_1", NOTICE)
        except (Unavailable, Refused) as error:
            told += [error, str(error), error.__context__, traceback.format_exception(error)]

    assert SECRET not in repr(told)
    assert SECRET not in caplog.text


# Connections


async def test_many_notices_go_out_at_once(hook: ScriptedServer) -> None:
    gate = Gate()
    hook.always(Answer(gate=gate))
    async with notifying(hook.url) as notify_url:
        posts = [asyncio.create_task(notify_url.post(f"ntc_{n}", NOTICE)) for n in range(150)]
        await eventually(lambda: len(hook.requests) == 150)
        gate.open()
        await asyncio.gather(*posts)

    assert {request.headers["idempotency-key"] for request in hook.requests} == {
        f"ntc_{n}" for n in range(150)
    }


async def test_a_connection_is_used_again_when_its_answer_was_short(network: Network) -> None:
    connections = 0

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal connections
        connections += 1
        while True:
            head = await reader.readuntil(b"\r\n\r\n")
            length = head.lower().partition(b"content-length:")[2].split(b"\r\n")[0]
            await reader.readexactly(int(length))
            writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n")
            await asyncio.sleep(0.05)
            writer.write(b"ok")

    async with talking(network, talk) as url, notifying(url) as notify_url:
        for n in range(3):
            await notify_url.post(f"ntc_{n}", NOTICE)

    assert connections == 1


async def test_a_webhook_may_be_closed_twice_and_used_afterwards(hook: ScriptedServer) -> None:
    async with notifying(hook.url) as notify_url:
        await notify_url.close()
        await notify_url.post("ntc_1", NOTICE)
        await notify_url.close()
        await notify_url.close()
        await notify_url.post("ntc_2", NOTICE)

    assert len(hook.requests) == 2


async def test_a_post_that_is_cancelled_ends_at_once_and_alone(hook: ScriptedServer) -> None:
    gate = Gate()
    hang = hook.plan(Hang())
    hook.plan(Answer(gate=gate))
    async with notifying(hook.url) as notify_url:
        cancelled = asyncio.create_task(notify_url.post("ntc_1", NOTICE))
        await hang.has_fired()
        other = asyncio.create_task(notify_url.post("ntc_2", NOTICE))
        await gate.reached()
        cancelled.cancel()
        with pytest.raises(asyncio.CancelledError):
            await cancelled
        gate.open()
        await other


async def test_a_post_that_is_under_way_at_the_close_is_an_outage(hook: ScriptedServer) -> None:
    hang = hook.plan(Hang())
    async with notifying(hook.url) as notify_url:
        post = asyncio.create_task(notify_url.post("ntc_1", NOTICE))
        await hang.has_fired()
        await notify_url.close()
        with pytest.raises(Unavailable):
            await post


async def test_a_post_that_looks_up_a_name_at_the_close_is_an_outage(
    hook: ScriptedServer, slow_name: SlowName
) -> None:
    async with notifying(f"http://{SlowName.name}:{hook.port}") as notify_url:
        post = asyncio.create_task(notify_url.post("ntc_1", NOTICE))
        await eventually(slow_name.asked.is_set)
        await notify_url.close()
        slow_name.answered.set()
        with pytest.raises(Unavailable):
            await post
        await notify_url.post("ntc_2", NOTICE)

    (request,) = hook.requests
    assert request.headers["idempotency-key"] == "ntc_2"
