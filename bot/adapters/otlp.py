"""Spans to an OpenTelemetry collector, by OTLP over HTTP, in batches from a thread of the SDK's.

The SDK is an optional extra and loaded only here. What its own variables in the environment say of
headers, certificates and sampling (OTEL_…) holds.
"""

import asyncio
import importlib
import importlib.util
import logging
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from bot.domain.trace import Span
from bot.errors import Unavailable

Count = Callable[[str, int], None]
"""So many spans came to this outcome: `sent` or `lost`."""

MISSING = "needs OpenTelemetry: pip install 'whatsapp-bot[otel]', or leave it empty"
SERVICE = "whatsapp-bot"
_PATH = "/v1/traces"
_BATCH_EVERY_MS = 1000
_WAITING_MAX = 8192
_TIMEOUT_S = 5.0
_PATIENCE_S = 3.0
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def is_installed() -> bool:
    """Whether the extra is here."""
    return importlib.util.find_spec("opentelemetry.sdk") is not None


class OtlpCollector:
    """One collector. `close` it at the end."""

    def __init__(self, endpoint: str, count: Count) -> None:
        """`endpoint` with or without the path. Raises Unavailable when the extra is missing."""
        if not is_installed():
            raise Unavailable(f"tracing.endpoint: {MISSING}")
        logging.getLogger("opentelemetry").setLevel(logging.CRITICAL)  # what is lost is counted
        self._api: Any = importlib.import_module("opentelemetry.trace")
        url = endpoint if endpoint.endswith(_PATH) else endpoint + _PATH
        self._exporter = _exporter(url, count)
        self._ids = _GivenIds()
        self._provider = _provider(self._exporter, self._ids)
        self._tracer = self._provider.get_tracer(SERVICE)

    def take(self, spans: Sequence[Span]) -> None:
        """Sent within a second or so; returns at once."""
        for span in spans:
            self._ids.trace_id, self._ids.span_id = span.trace_id, span.span_id
            made = self._tracer.start_span(
                span.name,
                context=self._below(span),
                start_time=_nanoseconds(span.begun_at),
                attributes=dict(span.attributes),
            )
            if span.failed:
                made.set_status(self._api.StatusCode.ERROR)
            made.end(end_time=_nanoseconds(span.ended_at))

    async def close(self) -> None:
        """Send what waits, if that takes no longer than a few seconds."""
        ending = asyncio.ensure_future(asyncio.to_thread(self._provider.shutdown))
        await asyncio.wait({ending}, timeout=_PATIENCE_S)
        self._exporter.shutdown()  # whatever is tried still ends with this try
        await ending

    def _below(self, span: Span) -> Any:
        """The context of its parent; for a root one without any."""
        context: Any = importlib.import_module("opentelemetry.context").Context()
        if span.parent_id is None:
            return context
        sampled = self._api.TraceFlags(self._api.TraceFlags.SAMPLED)
        parent = self._api.SpanContext(
            span.trace_id, span.parent_id, is_remote=False, trace_flags=sampled
        )
        return self._api.set_span_in_context(self._api.NonRecordingSpan(parent), context)


class _GivenIds:
    """Hands the SDK the ids that the next span is to have."""

    def __init__(self) -> None:
        self.trace_id = 0
        self.span_id = 0

    def generate_trace_id(self) -> int:
        return self.trace_id

    def generate_span_id(self) -> int:
        return self.span_id

    def is_trace_id_random(self) -> bool:
        return False


def _provider(exporter: Any, ids: _GivenIds) -> Any:
    trace: Any = importlib.import_module("opentelemetry.sdk.trace")
    resources: Any = importlib.import_module("opentelemetry.sdk.resources")
    export: Any = importlib.import_module("opentelemetry.sdk.trace.export")
    resource = resources.Resource.create({"service.name": SERVICE})
    provider = trace.TracerProvider(resource=resource, id_generator=ids, shutdown_on_exit=False)
    provider.add_span_processor(
        export.BatchSpanProcessor(
            exporter, max_queue_size=_WAITING_MAX, schedule_delay_millis=_BATCH_EVERY_MS
        )
    )
    return provider


def _exporter(url: str, count: Count) -> Any:
    """The SDK's, with its failures counted."""
    http: Any = importlib.import_module("opentelemetry.exporter.otlp.proto.http.trace_exporter")
    export: Any = importlib.import_module("opentelemetry.sdk.trace.export")
    exporter = http.OTLPSpanExporter(endpoint=url, timeout=_TIMEOUT_S)
    send = exporter.export

    def counted(spans: Sequence[Any]) -> Any:
        result = send(spans)
        count("sent" if result is export.SpanExportResult.SUCCESS else "lost", len(spans))
        return result

    exporter.export = counted
    return exporter


def _nanoseconds(at: datetime) -> int:
    return (at - _EPOCH) // timedelta(microseconds=1) * 1000
