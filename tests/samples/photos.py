"""Pictures, drawn when a test asks for them."""

import functools
import io
from typing import Any

from PIL import Image, ImageDraw

_LATITUDE = (40.0, 25.0, 0.5)


@functools.cache
def photo_jpeg(width: int = 640, height: int = 480, orientation: int = 1) -> bytes:
    """Red at the top, blue at the bottom as it is stored; with EXIF: orientation, GPS, a camera."""
    exif = Image.Exif()
    exif[0x0112] = orientation
    exif[0x010F] = "Secret Camera"
    exif.get_ifd(0x8825).update({1: "N", 2: _LATITUDE, 3: "W", 4: _LATITUDE})
    return _saved(_drawing(width, height), "JPEG", exif=exif, comment=b"a secret comment")


@functools.cache
def photo_png(width: int = 320, height: int = 240, *, transparent: bool = False) -> bytes:
    """Red above blue; `transparent`: nothing but black that can't be seen."""
    if transparent:
        return _saved(Image.new("RGBA", (width, height), (0, 0, 0, 0)), "PNG")
    return _saved(_drawing(width, height), "PNG")


@functools.cache
def sticker_webp(side: int = 512) -> bytes:
    """A round on nothing, as stickers are."""
    image = Image.new("RGBA", (side, side), (0, 0, 0, 0))
    ImageDraw.Draw(image).ellipse((side // 4, side // 4, side * 3 // 4, side * 3 // 4), "green")
    return _saved(image, "WEBP")


@functools.cache
def moving_sticker_webp(frames: int = 4) -> bytes:
    return _animated("WEBP", frames)


@functools.cache
def moving_gif(frames: int = 4) -> bytes:
    """The first frame is red, the others are blue."""
    return _animated("GIF", frames)


@functools.cache
def photo_bmp() -> bytes:
    return _saved(_drawing(64, 64), "BMP")


@functools.cache
def photo_tiff() -> bytes:
    return _saved(_drawing(64, 64), "TIFF")


@functools.cache
def noise_jpeg(width: int = 4000, height: int = 3000) -> bytes:
    """Twelve megapixels that no codec can make small."""
    return _saved(Image.effect_noise((width, height), 80).convert("RGB"), "JPEG", quality=80)


def _drawing(width: int, height: int) -> Image.Image:
    image = Image.new("RGB", (width, height), "red")
    image.paste("blue", (0, height // 2, width, height))
    return image


def _animated(form: str, frames: int) -> bytes:
    first, *others = [Image.new("RGB", (64, 64), "red")] + [
        Image.new("RGB", (64, 64), (0, 0, 255 - number)) for number in range(frames - 1)
    ]
    return _saved(first, form, save_all=True, append_images=others, duration=50)


def _saved(image: Image.Image, form: str, **options: Any) -> bytes:
    out = io.BytesIO()
    image.save(out, form, **options)
    return out.getvalue()
