"""Decoded sound: made one channel of 16-bit samples, and those made a small file again."""

import io
from collections.abc import Iterator
from errno import EAGAIN
from fractions import Fraction
from typing import Final

import av
from av.audio.stream import AudioStream
from av.filter import Graph

RATE_HZ: Final = 16_000
_BIT_RATE: Final = 24_000
_FRAME_SAMPLES: Final = 320
"""20 ms: what an Opus encoder takes at a time."""


class Mixer:
    """From anything to one channel of 16-bit samples at `RATE_HZ`.

    Sound that changes its form on the way gets a new filter. Each works in this thread alone: on
    a machine with many processors threads would need more memory than the child has.
    """

    def __init__(self) -> None:
        self._form: tuple[str, str, int] | None = None
        self._graph = Graph()

    def mixed(self, frame: av.AudioFrame) -> Iterator[av.AudioFrame]:
        """What is ready with this frame, 20 ms at a time."""
        form = (frame.format.name, frame.layout.name, frame.sample_rate)
        if form != self._form:
            yield from self.rest()
            self._form, self._graph = form, _filter(*form)
        self._graph.push(frame)
        yield from _ready(self._graph)

    def rest(self) -> Iterator[av.AudioFrame]:
        """What is left at the end."""
        if self._form is not None:
            self._graph.push(None)
            yield from _ready(self._graph)


class OpusFile:
    """An Ogg file with Opus, in memory."""

    def __init__(self) -> None:
        self._bytes = io.BytesIO()
        self._file = av.open(self._bytes, "w", format="ogg")
        self._stream: AudioStream = self._file.add_stream(
            "libopus", RATE_HZ, {"application": "voip"}, bit_rate=_BIT_RATE, layout="mono"
        )
        self._samples = 0

    def add(self, frame: av.AudioFrame) -> None:
        """The next 20 ms; only the last may be shorter."""
        frame.pts, frame.time_base = self._samples, Fraction(1, RATE_HZ)
        self._samples += frame.samples
        self._file.mux(self._stream.encode(frame))

    def finished(self) -> bytes:
        """The whole file; nothing can be added any more."""
        self._file.mux(self._stream.encode(None))
        self._file.close()
        return self._bytes.getvalue()


def _filter(sample_format: str, layout: str, rate_hz: int) -> Graph:
    graph = Graph()
    graph.threads = 1
    steps = (
        graph.add_abuffer(sample_rate=rate_hz, format=sample_format, layout=layout),
        graph.add("aformat", sample_fmts="s16", channel_layouts="mono", sample_rates=str(RATE_HZ)),
        graph.add("abuffersink"),
    )
    graph.link_nodes(*steps).configure()
    graph.set_audio_frame_size(_FRAME_SAMPLES)
    return graph


def _ready(graph: Graph) -> Iterator[av.AudioFrame]:
    while True:
        try:
            frame = graph.pull()
        except av.FFmpegError as error:
            if isinstance(error, EOFError) or error.errno == EAGAIN:
                return
            raise
        if isinstance(frame, av.AudioFrame):
            yield frame
