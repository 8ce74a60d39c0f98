"""What the reader and its child say to each other: JSON, and behind it the bytes it announces."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Final, Literal, TypeAlias

from bot.domain.media import DocumentText, Page, Problem, Sound
from bot.errors import BadMedia, Unavailable

Way: TypeAlias = Literal["sound", "picture", "document"]
Result: TypeAlias = Sound | Page | DocumentText

_SHOWN_CHARS: Final = 200


@dataclass(frozen=True, slots=True)
class ReadLimits:
    """How much of a file is read, and what that may take."""

    max_seconds: float = 900
    min_seconds: float = 0.4
    """Of sound."""
    max_pixels: int = 50_000_000
    """Of a picture as it comes."""
    picture_side_px: int = 1536
    """The longer side of what a model is shown."""
    picture_bytes: int = 1_000_000
    document_chars: int = 60_000
    max_pages: int = 200
    scan_pages: int = 4
    """Pages of a scan that are shown as pictures."""
    timeout_s: float = 30
    """For one file."""
    memory_bytes: int = 1_500_000_000
    """Address space of the child."""

    @property
    def answer_bytes(self) -> int:
        """More than any honest answer."""
        pictures = max(1, self.scan_pages) * self.picture_bytes
        return 32_000_000 + pictures + 4 * self.document_chars + int(8_000 * self.max_seconds)


@dataclass(frozen=True, slots=True)
class Task:
    """One file to read."""

    way: Way
    path: str
    media_type: str
    limits: ReadLimits

    def encoded(self) -> bytes:
        """For the child's standard input."""
        return json.dumps(asdict(self)).encode()


def decode_task(raw: bytes) -> Task:
    """What `Task.encoded` gave."""
    task = json.loads(raw)
    return Task(task["way"], task["path"], task["media_type"], ReadLimits(**task["limits"]))


@dataclass(frozen=True, slots=True)
class Answer:
    """What a child found. A hostile file may have written it: believe nothing."""

    facts: dict[str, object]
    blobs: tuple[bytes, ...]


def encode_result(result: Result) -> bytes:
    """What was found."""
    match result:
        case Sound():
            facts = {"media_type": result.media_type, "duration_s": result.duration_s}
            return _encoded(facts, (result.data,))
        case Page():
            return _encoded({}, (result.data,))
        case DocumentText():
            blobs = (result.text.encode(), *(page.data for page in result.pages))
            return _encoded({"left_out": result.left_out, "page_count": result.page_count}, blobs)


def encode_problem(bad: BadMedia) -> bytes:
    """Why nothing will come of the file."""
    return _encoded({"problem": bad.problem, "error": str(bad)})


def encode_fault(error: str) -> bytes:
    """Why nothing came of it on this machine."""
    return _encoded({"fault": error})


def decode_answer(raw: bytes) -> Answer:
    """What the child wrote. Raises BadMedia or Unavailable if it says so, else ValueError."""
    head, _, rest = raw.partition(b"\n")
    try:
        said = json.loads(head)
        facts, lengths = said["facts"], said["blobs"]
    except (KeyError, TypeError, RecursionError):
        raise ValueError("not an answer") from None
    if not isinstance(facts, dict) or not _fits(lengths, len(rest)):
        raise ValueError("not an answer")
    if "fault" in facts:
        raise Unavailable(_line(facts["fault"]))
    if "problem" in facts:
        raise BadMedia(Problem(facts["problem"]), _line(facts.get("error")))
    return Answer(facts, tuple(_split(rest, lengths)))


def _encoded(facts: dict[str, object], blobs: Sequence[bytes] = ()) -> bytes:
    head = json.dumps({"facts": facts, "blobs": [len(blob) for blob in blobs]})
    return b"".join([head.encode(), b"\n", *blobs])


def _fits(lengths: object, total: int) -> bool:
    if not isinstance(lengths, list) or any(type(length) is not int for length in lengths):
        return False
    return min(lengths, default=0) >= 0 and sum(lengths) == total


def _split(rest: bytes, lengths: Sequence[int]) -> Sequence[bytes]:
    blobs, start = [], 0
    for length in lengths:
        blobs.append(rest[start : start + length])
        start += length
    return blobs


def _line(said: object) -> str:
    """An error of the child's, fit for a log whoever wrote it."""
    shown = said if isinstance(said, str) and said.isprintable() else "no reason given"
    return shown[:_SHOWN_CHARS]
