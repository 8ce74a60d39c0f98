"""The sound of a voice note or a video: that something is to be heard, as services take it."""

from array import array
from collections.abc import Iterator
from contextlib import suppress
from typing import BinaryIO, Final

import av
from av.audio.stream import AudioStream
from av.container import InputContainer
from av.packet import Packet
from av.stream import Disposition, Stream

from bot.adapters.media_reader.waves import RATE_HZ, Mixer, OpusFile
from bot.adapters.media_reader.wire import ReadLimits
from bot.domain.media import Problem, Sound
from bot.errors import BadMedia

_QUIET_PEAK: Final = 164  # of 32,768: -46 dBFS
_KEPT_BYTES: Final = 20_000_000

# Named, never guessed: among those that a library guesses are some that open other files.
_CONTAINERS: Final = {
    "audio/ogg": "ogg",
    "audio/mpeg": "mp3",
    "audio/mp4": "mp4",
    "audio/wav": "wav",
    "audio/webm": "webm",
    "audio/flac": "flac",
    "audio/aac": "aac",
    "audio/amr": "amr",
    "video/mp4": "mp4",
    "video/webm": "webm",
    "video/3gpp": "mp4",
    "video/quicktime": "mov",
}
_PCM: Final = frozenset({"pcm_s16le", "pcm_u8", "pcm_s24le", "pcm_s32le", "pcm_f32le"})
_CODECS: Final = _PCM | {
    *("opus", "libopus", "vorbis", "mp3", "mp3float", "aac", "alac", "flac"),
    *("amrnb", "amrwb", "amr_nb", "amr_wb", "libopencore_amrnb", "libopencore_amrwb"),
    *("pcm_s16be", "pcm_alaw", "pcm_mulaw"),
}
"""Decoders that a file can have started, among hundreds that nobody sends."""
_KEPT: Final = {
    "ogg": ("audio/ogg", frozenset({"opus", "vorbis"})),
    "mp3": ("audio/mpeg", frozenset({"mp3"})),
    "mp4": ("audio/mp4", frozenset({"aac"})),
    "wav": ("audio/wav", _PCM),
    "webm": ("audio/webm", frozenset({"opus", "vorbis"})),
}
"""Containers that speech services take as they are, if one of these is in them and no picture."""


def read_sound(file: BinaryIO, media_type: str, limits: ReadLimits) -> Sound:
    """Raises BadMedia; what the library raises means unreadable."""
    kept_as = _kept_as(file, media_type, limits)
    opus = OpusFile() if kept_as is None else None
    duration_s = _heard_s(_mono(file, media_type), opus, limits)
    if opus is not None:
        return Sound(opus.finished(), "audio/ogg", duration_s)
    file.seek(0)
    return Sound(file.read(), kept_as or media_type, duration_s)


def _kept_as(file: BinaryIO, media_type: str, limits: ReadLimits) -> str | None:
    """The type to pass the file on as; None: not as it is. Decodes nothing."""
    with _opened(file, media_type) as container:
        stream = _sound_stream(container, media_type)
        announced_s = _announced_s(container, stream)
        is_film = any(_is_film(other) for other in container.streams)
    if announced_s > limits.max_seconds:
        raise _too_long(_in_words(announced_s), limits)
    kept_as, codecs = _KEPT.get(_CONTAINERS[media_type], ("", frozenset()))
    fits = stream.codec.canonical_name in codecs and file.seek(0, 2) <= _KEPT_BYTES
    return kept_as if fits and not is_film else None


def _opened(file: BinaryIO, media_type: str) -> InputContainer:
    name = _CONTAINERS.get(media_type)
    if name is None:
        raise BadMedia(Problem.UNREADABLE, f"{media_type} holds no sound that is read here")
    file.seek(0)
    options = {
        "codec_whitelist": ",".join(sorted(_CODECS)),
        "protocol_whitelist": "none",  # nothing but this file
        "ignore_editlist": "1",  # a service may hear what a film leaves out
    }
    return av.open(file, "r", format=name, container_options=options)


def _sound_stream(container: InputContainer, media_type: str) -> AudioStream:
    for stream in container.streams.audio:
        if stream.codec.name not in _CODECS:
            raise BadMedia(Problem.UNREADABLE, "a sound in a code that nobody sends")
        stream.codec_context.thread_count = 1
        return stream
    if media_type.startswith("video/"):
        raise BadMedia(Problem.NO_SOUND, "a video without a sound track")
    raise BadMedia(Problem.UNREADABLE, "no sound in it")


def _is_film(stream: Stream) -> bool:
    """As opposed to the cover of a record."""
    return stream.type == "video" and not stream.disposition & Disposition.attached_pic


def _announced_s(container: InputContainer, stream: AudioStream) -> float:
    """The length by the times in the file, which may lie; reading them is cheap."""
    times = [
        (packet.pts, packet.pts + (packet.duration or 0))
        for packet in _until_broken(container.demux(stream))
        if packet.pts is not None
    ]
    if not times or stream.time_base is None:
        return 0.0
    first, last = min(start for start, _ in times), max(end for _, end in times)
    return float((last - first) * stream.time_base)


def _mono(file: BinaryIO, media_type: str) -> Iterator[av.AudioFrame]:
    mixer = Mixer()
    with _opened(file, media_type) as container:
        for frame in _decoded(container, _sound_stream(container, media_type)):
            yield from mixer.mixed(frame)
    yield from mixer.rest()


def _decoded(container: InputContainer, stream: AudioStream) -> Iterator[av.AudioFrame]:
    """What can be decoded: a note that is damaged is heard as far as it goes."""
    sound = broken = 0
    for packet in _until_broken(container.demux(stream)):
        try:
            frames = packet.decode()
        except av.FFmpegError:
            broken += 1
        else:
            sound += 1
            yield from frames
    if broken > sound:
        raise BadMedia(Problem.UNREADABLE, "most of its sound is corrupt")


def _until_broken(packets: Iterator["Packet[AudioStream]"]) -> Iterator["Packet[AudioStream]"]:
    with suppress(av.FFmpegError):
        yield from packets


def _heard_s(frames: Iterator[av.AudioFrame], opus: OpusFile | None, limits: ReadLimits) -> float:
    """How long it really is; what is heard goes into `opus` too. Raises BadMedia."""
    samples, is_loud = 0, False
    for frame in frames:
        samples += frame.samples
        if samples > limits.max_seconds * RATE_HZ:
            raise _too_long(f"more than {_in_words(limits.max_seconds)}", limits)
        is_loud = is_loud or _is_loud(frame)
        if opus is not None:
            opus.add(frame)
    duration_s = round(samples / RATE_HZ, 2)
    if not samples:
        raise BadMedia(Problem.UNREADABLE, "no sound that can be decoded")
    if duration_s < limits.min_seconds:
        raise BadMedia(Problem.TOO_SHORT, f"{duration_s:g} s of sound")
    if not is_loud:
        raise BadMedia(Problem.SILENT, f"{_in_words(duration_s)} of silence")
    return duration_s


def _is_loud(frame: av.AudioFrame) -> bool:
    samples = array("h", memoryview(frame.planes[0])[: frame.samples * 2])
    return max(samples) > _QUIET_PEAK or min(samples) < -_QUIET_PEAK


def _too_long(length: str, limits: ReadLimits) -> BadMedia:
    most = _in_words(limits.max_seconds)
    return BadMedia(Problem.TOO_LONG, f"{length} of sound, {most} at most are listened to")


def _in_words(seconds: float) -> str:
    """As `3 h 0 min` or `2 min 5 s`."""
    minutes, rest_s = divmod(round(seconds), 60)
    hours, rest_min = divmod(minutes, 60)
    return f"{hours} h {rest_min} min" if hours else f"{minutes} min {rest_s} s"
