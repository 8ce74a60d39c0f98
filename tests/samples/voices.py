"""Sounds and videos, encoded when a test asks for them."""

import functools
import io
import math
import random
from array import array
from collections.abc import Iterator
from fractions import Fraction
from itertools import islice
from pathlib import Path
from typing import Literal

import av
from av.audio.stream import AudioStream
from av.video.stream import VideoStream

Kind = Literal["tone", "noise", "silence"]
_LOUDNESS = 12_000  # of 32,767
_BLOCK = 960


class _OneWay:
    """Takes bytes and can't go back, as a recorder in a browser writes."""

    def __init__(self) -> None:
        self.written = bytearray()

    def write(self, data: bytes) -> int:
        self.written += data
        return len(data)


@functools.cache
def voice_ogg(seconds: float = 2, *, tone: bool = True) -> bytes:
    """A voice note as WhatsApp sends it: Ogg with Opus, 16 kHz."""
    return _encoded("ogg", "libopus", seconds, "tone" if tone else "silence", rate_hz=16_000)


def silence_ogg(seconds: float = 2) -> bytes:
    """A voice note in which nothing is to be heard."""
    return voice_ogg(seconds, tone=False)


@functools.cache
def voice_webm(seconds: float = 2) -> bytes:
    """As Chromium records it: WebM with Opus, written as it goes, so that no length is in it."""
    return _encoded("webm", "libopus", seconds, one_way=True)


def chromium_webm() -> bytes:
    """1.5 s that a real Chromium recorded from its made-up microphone."""
    return (Path(__file__).parent / "chromium.webm").read_bytes()


@functools.cache
def voice_m4a(seconds: float = 2) -> bytes:
    """As an iPhone records it: AAC, with the brand `M4A `."""
    return _encoded("ipod", "aac", seconds, rate_hz=44_100)


@functools.cache
def voice_mp4(seconds: float = 2) -> bytes:
    """AAC in a container that says nothing of being sound alone."""
    return _encoded("mp4", "aac", seconds, rate_hz=44_100)


@functools.cache
def voice_mp3(seconds: float = 2) -> bytes:
    return _encoded("mp3", "libmp3lame", seconds, rate_hz=44_100)


@functools.cache
def voice_wav(seconds: float = 2) -> bytes:
    return _encoded("wav", "pcm_s16le", seconds, rate_hz=16_000)


@functools.cache
def voice_flac(seconds: float = 2) -> bytes:
    return _encoded("flac", "flac", seconds, rate_hz=16_000)


@functools.cache
def voice_aac(seconds: float = 2) -> bytes:
    """AAC without a container (ADTS)."""
    return _encoded("adts", "aac", seconds, rate_hz=44_100)


@functools.cache
def voice_amr(seconds: float = 2) -> bytes:
    """As older phones record it: AMR, 8 kHz."""
    return _encoded("amr", "libopencore_amrnb", seconds, rate_hz=8_000)


@functools.cache
def voice_3gp(seconds: float = 2) -> bytes:
    """AMR in the container of older phones."""
    return _encoded("3gp", "libopencore_amrnb", seconds, rate_hz=8_000)


@functools.cache
def noise_ogg(seconds: float = 10) -> bytes:
    """The most that a codec can be given to do."""
    return _encoded("ogg", "libopus", seconds, "noise")


@functools.cache
def video_mp4(seconds: float = 2, *, sound: bool = True) -> bytes:
    """H.264 and AAC, as phones record it."""
    return _filmed("mp4", "libx264", "aac" if sound else None, seconds)


@functools.cache
def video_webm(seconds: float = 1, *, sound: bool = True) -> bytes:
    return _filmed("webm", "libvpx", "libopus" if sound else None, seconds)


@functools.cache
def video_3gp(seconds: float = 1) -> bytes:
    return _filmed("3gp", "mpeg4", "libopencore_amrnb", seconds, rate_hz=8_000)


@functools.cache
def video_mov(seconds: float = 1) -> bytes:
    return _filmed("mov", "mpeg4", "aac", seconds)


@functools.cache
def hours_ogg(hours: float = 3) -> bytes:
    """As long as that in truth, in little room: one encoded packet of silence over and over."""
    out = io.BytesIO()
    with av.open(out, "w", format="ogg") as container:
        options = {"frame_duration": "60", "b": "6000"}
        stream = _sound_track(container.add_stream("libopus", rate=48_000, options=options), "mono")
        packet = next(_packets(stream, 1, "silence"))
        samples = 60 * 48
        for number in range(int(hours * 3600 * 48_000 / samples)):
            again = av.Packet(bytes(packet))
            again.stream = stream
            again.time_base = Fraction(1, 48_000)
            again.pts = again.dts = number * samples
            again.duration = samples
            container.mux(again)
    return out.getvalue()


def _encoded(
    container_name: str,
    codec: str,
    seconds: float,
    kind: Kind = "tone",
    *,
    rate_hz: int = 48_000,
    one_way: bool = False,
) -> bytes:
    out = _OneWay() if one_way else io.BytesIO()
    options = {"live": "1"} if one_way else {}
    with av.open(out, "w", format=container_name, container_options=options) as container:
        stream = _sound_track(container.add_stream(codec, rate=rate_hz), "mono")
        for packet in _packets(stream, seconds, kind):
            container.mux(packet)
    return bytes(out.written) if isinstance(out, _OneWay) else out.getvalue()


def _filmed(
    container_name: str,
    picture_codec: str,
    sound_codec: str | None,
    seconds: float,
    rate_hz: int = 48_000,
) -> bytes:
    out = io.BytesIO()
    with av.open(out, "w", format=container_name) as container:
        film = container.add_stream(picture_codec, rate=10)
        assert isinstance(film, VideoStream)
        film.width, film.height, film.pix_fmt = 64, 48, "yuv420p"
        film.codec_context.thread_count = 1
        heard = None
        if sound_codec is not None:
            heard = _sound_track(container.add_stream(sound_codec, rate=rate_hz), "mono")
        for number in range(int(seconds * 10)):
            frame = av.VideoFrame(64, 48, "yuv420p")
            for plane in frame.planes:
                plane.update(bytes([number * 8 % 256]) * plane.buffer_size)
            frame.pts, frame.time_base = number, Fraction(1, 10)
            container.mux(film.encode(frame))
        container.mux(film.encode(None))
        if heard is not None:
            for packet in _packets(heard, seconds, "tone"):
                container.mux(packet)
    return out.getvalue()


def _sound_track(stream: object, layout: str) -> AudioStream:
    assert isinstance(stream, AudioStream)
    stream.codec_context.layout = layout
    return stream


def _packets(stream: AudioStream, seconds: float, kind: Kind) -> Iterator["av.Packet[AudioStream]"]:
    context = stream.codec_context
    if not context.is_open:
        context.open()
    resampler = av.AudioResampler(
        context.format, context.layout, context.sample_rate, context.frame_size or None
    )
    for frame in _frames(seconds, kind, context.sample_rate):
        for fitting in resampler.resample(frame):
            yield from stream.encode(fitting)
    for fitting in resampler.resample(None):
        yield from stream.encode(fitting)
    yield from stream.encode(None)


def _frames(seconds: float, kind: Kind, rate_hz: int) -> Iterator[av.AudioFrame]:
    samples, left, start = _samples(kind, rate_hz), int(seconds * rate_hz), 0
    while left > 0:
        block = array("h", islice(samples, min(_BLOCK, left)))
        frame = av.AudioFrame("s16", "mono", len(block))
        frame.planes[0].update(block.tobytes())
        frame.sample_rate, frame.pts, frame.time_base = rate_hz, start, Fraction(1, rate_hz)
        yield frame
        start, left = start + len(block), left - len(block)


def _samples(kind: Kind, rate_hz: int) -> Iterator[int]:
    chance = random.Random(1)  # noqa: S311 - the same noise every time
    number = 0
    while True:
        if kind == "noise":
            yield chance.randint(-_LOUDNESS, _LOUDNESS)
        elif kind == "tone":
            yield int(_LOUDNESS * math.sin(2 * math.pi * 440 * number / rate_hz))
        else:
            yield 0
        number += 1
