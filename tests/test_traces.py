"""Traces: one for each reply, from the webhook to the customer's phone, and only if wanted."""

import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from bot.adapters.otlp import is_installed
from bot.check import check
from bot.domain.trace import (
    FileTimes,
    Journey,
    Span,
    spans_when_delivered,
    spans_when_sent,
    trace_id,
)
from tests.conftest import NewBot
from tests.harness import Answer, Bot, Network, eventually
from tests.harness.http_server import ScriptedServer
from tests.samples import voices

ON_ONE_DATABASE = True
pytestmark = pytest.mark.slow

START = datetime(2026, 1, 1, tzinfo=UTC)


def at(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


JOURNEY = Journey(
    event_id="ev_1",
    conversation_id="cv_1",
    line_id="ln_1",
    turn_id="tn_1",
    message_id="re_1_0",
    part=0,
    received_at=at(0),
    claimed_at=at(3),
    ended_at=at(5),
    sent_at=at(6),
    first_tried_at=at(5.5),
    delivered_at=at(8),
    llm_ms=1500,
    files=(FileTimes("md_1", at(0), at(2)),),
)


def _times(spans: tuple[Span, ...]) -> dict[str, tuple[float, float]]:
    return {
        span.name: (
            (span.begun_at - START).total_seconds(),
            (span.ended_at - START).total_seconds(),
        )
        for span in spans
    }


def test_the_spans_of_a_reply_are_the_times_that_were_noted() -> None:
    assert _times(spans_when_sent(JOURNEY)) == {
        "reply": (0, 6),
        "received": (0, 0),
        "waited": (0, 3),
        "media": (0, 2),
        "turn": (3, 5),
        "model": (3.5, 5),
        "stored": (5, 5),
        "send": (5.5, 6),
    }
    assert _times(spans_when_delivered(JOURNEY, was_unknown=False)) == {"delivered": (6, 8)}


def test_all_of_them_hang_below_the_reply_and_in_the_first_event_s_trace() -> None:
    spans = spans_when_delivered(JOURNEY, was_unknown=True)
    by_name = {span.name: span for span in spans}
    assert {span.trace_id for span in spans} == {trace_id("ev_1")}
    assert len({span.span_id for span in spans}) == len(spans) == 9
    root = by_name.pop("reply")
    assert root.parent_id is None
    assert by_name["model"].parent_id == by_name["turn"].span_id
    others = {span.parent_id for name, span in by_name.items() if name != "model"}
    assert others == {root.span_id}


def test_they_name_ids_and_nothing_else() -> None:
    for span in spans_when_delivered(JOURNEY, was_unknown=True):
        assert all(key.endswith("_id") for key in span.attributes)
        assert set(span.attributes.values()) <= {"ev_1", "cv_1", "ln_1", "tn_1", "md_1", "re_1_0"}


def test_a_later_part_tells_its_own_step_alone() -> None:
    second = replace(JOURNEY, part=1, message_id="re_1_1")
    (span,) = spans_when_sent(second)
    (first,) = [one for one in spans_when_sent(JOURNEY) if one.name == "send"]
    assert (span.name, span.trace_id, span.parent_id) == ("send", first.trace_id, first.parent_id)
    assert span.span_id != first.span_id


def test_a_reply_that_the_line_rejects_has_failed() -> None:
    rejected = replace(JOURNEY, sent_at=None, delivered_at=None)
    spans = spans_when_sent(rejected)
    assert [span.name for span in spans if span.failed] == ["send"]
    assert spans_when_delivered(rejected, was_unknown=False) == ()


def test_a_clock_that_was_set_back_makes_no_negative_step() -> None:
    odd = replace(JOURNEY, claimed_at=at(-100), ended_at=at(-90), sent_at=at(-80))
    assert all(span.ended_at >= span.begun_at for span in spans_when_sent(odd) if span.parent_id)


def test_without_a_collector_nothing_of_it_is_loaded() -> None:
    code = "import bot.__main__, bot.serve_process, sys; print('opentelemetry.sdk' in sys.modules)"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout.split() == ["False"]


def test_a_collector_without_the_extra_is_a_fault(
    tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bot.adapters.otlp.is_installed", lambda: False)
    (tmp_path / "prompts").mkdir()
    (tmp_path / "prompts" / "default.yaml").write_text("instructions: |\n  Be kind.\n")
    config = tmp_path / "config.yaml"
    config.write_text("tracing: {endpoint: 'http://127.0.0.1:4318'}\n")
    faults = [str(fault) for fault in check(config, {}, dev=True).faults]
    assert [fault.partition("config.yaml:")[2] for fault in faults] == [
        "1:21: tracing.endpoint: needs OpenTelemetry: pip install 'whatsapp-bot[otel]', "
        "or leave it empty"
    ]


# a running bot and a collector

needs_otel = pytest.mark.skipif(
    not is_installed(), reason="otel: pip install 'whatsapp-bot[otel]' to run this"
)


class Collector(ScriptedServer):
    """Takes OTLP over HTTP."""

    def spans(self) -> list[dict[str, Any]]:
        """All spans so far, read from their protobuf."""
        from opentelemetry.proto.collector.trace.v1 import (  # noqa: PLC0415 - of the extra
            trace_service_pb2,
        )

        spans = []
        for post in self.requests:
            assert (post.method, post.path) == ("POST", "/v1/traces")
            told = trace_service_pb2.ExportTraceServiceRequest.FromString(post.body)
            for resource in told.resource_spans:
                assert _attributes(resource.resource)["service.name"] == "whatsapp-bot"
                spans += [_read(span) for scope in resource.scope_spans for span in scope.spans]
        return spans

    def about(self, conversation_id: str) -> dict[str, dict[str, Any]]:
        """A conversation's spans, by name."""
        return {
            span["name"]: span
            for span in self.spans()
            if span["attributes"]["conversation_id"] == conversation_id
        }


def _attributes(holder: Any) -> dict[str, str]:
    return {one.key: one.value.string_value for one in holder.attributes}


def _read(span: Any) -> dict[str, Any]:
    return {
        "name": span.name,
        "trace": span.trace_id,
        "id": span.span_id,
        "parent": span.parent_span_id,
        "begun": span.start_time_unix_nano,
        "ended": span.end_time_unix_nano,
        "attributes": _attributes(span),
        "failed": span.status.code == 2,
    }


@pytest.fixture
def collector(network: Network) -> Iterator[Collector]:
    collector = Collector(network)
    yield collector
    collector.close()


async def _traced(new_bot: NewBot, collector: Collector, **more: Any) -> Bot:
    return await new_bot(settings={"tracing": {"endpoint": collector.url}}, **more)


@needs_otel
async def test_a_reply_is_one_trace_from_the_webhook_to_the_phone(
    new_bot: NewBot, collector: Collector
) -> None:
    bot = await _traced(new_bot, collector)
    ana = bot.provider.customer()
    bot.speech.hears("do you have lemon bread?", "en")
    note = bot.media.serve(voices.voice_ogg(1.7), media_type="audio/ogg")
    await ana.sends("voice", note)
    await ana.reads()
    (send,) = ana.attempts
    conversation = (await bot.conversation(ana))["id"]

    def told(*names: str) -> dict[str, dict[str, Any]]:
        spans = collector.about(conversation)
        assert set(spans) == set(names)
        return spans

    making = ("reply", "received", "waited", "media", "turn", "model", "stored", "send")
    await eventually(lambda: told(*making))
    await bot.provider.delivered(ana.number, send.provider_id)
    spans = await eventually(lambda: told(*making, "delivered"))
    assert {span["trace"] for span in spans.values()} == {
        trace_id(spans["received"]["attributes"]["event_id"]).to_bytes(16)
    }
    root = spans["reply"]
    assert root["parent"] == b""
    assert spans["model"]["parent"] == spans["turn"]["id"]
    assert all(
        one["parent"] == root["id"] for name, one in spans.items() if name not in {"reply", "model"}
    )
    order = [spans[name]["begun"] for name in ("received", "turn", "send", "delivered")]
    assert order == sorted(order)
    assert "lemon" not in str(spans)
    assert ana.number[1:] not in str(collector.spans())


@needs_otel
async def test_web_and_worker_apart_need_not_tell_each_other(
    new_bot: NewBot, collector: Collector
) -> None:
    bot = await _traced(new_bot, collector, command=("serve",))
    await bot.start("worker", ready=False)
    ana = bot.provider.customer()
    refusal = Answer(422, {"error": "invalid"})
    bot.provider.plan_sends(refusal, to=ana.number)
    await ana.writes("hello")
    conversation = (await bot.conversation(ana))["id"]

    def failed() -> None:
        spans = collector.about(conversation)
        assert [name for name, span in spans.items() if span["failed"]] == ["send"]

    await eventually(failed, 20)


@needs_otel
async def test_what_still_waits_is_told_at_the_end(new_bot: NewBot, collector: Collector) -> None:
    bot = await _traced(new_bot, collector)
    ana = bot.provider.customer()
    await ana.writes("hello")
    await ana.reads()
    await bot.stop()
    assert {"reply", "send"} <= {span["name"] for span in collector.spans()}


@needs_otel
async def test_a_collector_that_is_away_delays_nothing_and_is_counted(
    new_bot: NewBot, collector: Collector
) -> None:
    bot = await _traced(new_bot, collector)
    await collector.down()
    ana = bot.provider.customer()
    await ana.writes("hello")
    assert await ana.reads() == ["You said: hello"]

    async def lost() -> None:
        metrics = (await bot.http("GET", "/metrics")).text
        assert 'bot_trace_spans_total{outcome="lost"}' in metrics

    await eventually(lost, 20)
    assert "library.warned" not in bot.log
    assert collector.requests == []
