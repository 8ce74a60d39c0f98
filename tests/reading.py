"""Files given to a reader, for the tests of what it finds in them."""

import io
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from PIL import Image

from bot.adapters.media_reader import Readers, ReadLimits
from bot.adapters.media_reader.types import sniff
from bot.domain.media import DocumentText, Sound
from bot.errors import BadMedia

Put = Callable[[bytes], Path]


def writer(folder: Path) -> Put:
    """Writes each content to a file of its own."""

    def put(content: bytes) -> Path:
        path = folder / str(len(list(folder.iterdir())))
        path.write_bytes(content)
        return path

    return put


def reader(**limits: Any) -> Readers:
    return Readers(ReadLimits(**limits))


async def heard(path: Path, readers: Readers | None = None) -> Sound:
    return await (readers or reader()).sound(path, sniff(path, None))


async def seen(path: Path) -> Image.Image:
    return Image.open(io.BytesIO((await reader().picture(path)).data), formats=["JPEG"])


async def words(path: Path, **limits: Any) -> DocumentText:
    return await reader(**limits).document(path, sniff(path, None))


async def problem(looking: Awaitable[object]) -> str:
    """Why nothing came of it."""
    try:
        return f"nothing: {await looking!r}"
    except BadMedia as bad:
        return bad.problem
