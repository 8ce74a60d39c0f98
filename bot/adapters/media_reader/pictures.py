"""A photo as a model takes it: upright, small enough, a plain JPEG with nothing else in it."""

import io
import warnings
from typing import BinaryIO, Final

from PIL import Image, ImageOps, TiffImagePlugin, UnidentifiedImageError, WebPImagePlugin

from bot.adapters.media_reader.wire import ReadLimits
from bot.domain.media import Page, Problem
from bot.errors import BadMedia

# The last two are imported by name: for a format that is not loaded Pillow loads all that it knows.
_FORMATS: Final = (
    *("JPEG", "PNG", "GIF", "BMP"),
    WebPImagePlugin.WebPImageFile.format,
    TiffImagePlugin.TiffImageFile.format,
)
_SCALED: Final = frozenset({"L", "RGB", "CMYK", "YCbCr"})
"""Modes that can be made smaller as they are; a palette can't."""
_QUALITIES: Final = (88, 80, 70, 60, 45, 30)


def read_picture(file: BinaryIO, limits: ReadLimits) -> Page:
    """The first picture in the file. Raises BadMedia; what Pillow raises means unreadable."""
    Image.MAX_IMAGE_PIXELS = limits.max_pixels
    warnings.simplefilter("error", Image.DecompressionBombWarning)
    try:
        image = Image.open(file, formats=_FORMATS)  # reads no more than the beginning
    except (Image.DecompressionBombWarning, Image.DecompressionBombError):
        more = f"a picture of more than {limits.max_pixels:,} pixels"
        raise BadMedia(Problem.TOO_LARGE, more) from None
    except UnidentifiedImageError:
        raise BadMedia(Problem.UNREADABLE, "no picture of a kind that is read here") from None
    return Page(jpeg(_upright(_fitting(image, limits.picture_side_px)), limits.picture_bytes))


def jpeg(image: Image.Image, most_bytes: int) -> bytes:
    """An RGB picture in at most so many bytes, coarser or smaller as needed."""
    while True:
        for quality in _QUALITIES:
            out = io.BytesIO()
            image.save(out, "JPEG", quality=quality)
            if out.tell() <= most_bytes or max(image.size) == 1:
                return out.getvalue()
        image = image.resize((max(1, image.width * 2 // 3), max(1, image.height * 2 // 3)))


def _fitting(image: Image.Image, side_px: int) -> Image.Image:
    """The first frame at its size or smaller, decoded."""
    if image.mode not in _SCALED or "transparency" in image.info:
        image = image.convert("RGBA")
    # The gap lets a JPEG be decoded at nearly the wanted size, in a third of the time.
    image.thumbnail((side_px, side_px), Image.Resampling.LANCZOS, reducing_gap=1.0)
    return image


def _upright(image: Image.Image) -> Image.Image:
    """As it was taken, on white where it is transparent, without anything that came with it."""
    turned = ImageOps.exif_transpose(image)
    plain = Image.new("RGB", turned.size, "white")
    if turned.mode == "RGBA":
        plain.paste(turned, mask=turned)
    else:
        plain.paste(turned.convert("RGB"))
    return plain
