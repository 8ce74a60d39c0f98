"""Pictures of a PDF's pages."""

from typing import Any, Final

from PIL import Image
from pypdfium2 import raw

from bot.adapters.media_reader.pictures import jpeg
from bot.adapters.media_reader.wire import ReadLimits
from bot.domain.media import Page

_LARGEST_SCALE: Final = 4.0  # of 72 dots an inch: a small page needn't fill the limit


def page_pictures(document: Any, most_pages: int, limits: ReadLimits) -> tuple[Page, ...]:
    """The first pages, without blank ones; none if all that is on them is text, or nothing."""
    if not any(_holds_more_than_text(document[number]) for number in range(most_pages)):
        return ()
    drawn = (_drawn(document[number], limits.picture_side_px) for number in range(most_pages))
    return tuple(Page(jpeg(image, limits.picture_bytes)) for image in drawn if not _is_blank(image))


def _holds_more_than_text(page: Any) -> bool:
    return any(part.type != raw.FPDF_PAGEOBJ_TEXT for part in page.get_objects(max_depth=2))


def _drawn(page: Any, side_px: int) -> Image.Image:
    scale = min(_LARGEST_SCALE, side_px / max(1.0, *page.get_size()))
    bitmap = page.render(scale=scale, may_draw_forms=False)
    page.close()
    image: Image.Image = bitmap.to_pil()
    return image.convert("RGB")


def _is_blank(image: Image.Image) -> bool:
    darkest, lightest = image.convert("L").getextrema()
    return darkest == lightest
