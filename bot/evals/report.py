"""An HTML page of a run, with whole conversations: one file, no script, nothing from elsewhere."""

from datetime import datetime
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from bot.evals.results import Results, Status

_LONGEST = 20_000


def html_report(results: Results, made_at: datetime) -> str:
    """The whole page; everything that somebody said is escaped."""
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["fit"] = fit
    counts = {status.value: results.count(status) for status in Status}
    order = (Status.FAILED, Status.NOT_RUN, Status.PASSED)
    return environment.get_template("report.html").render(
        run=results,
        counts=counts,
        made_at=f"{made_at:%Y-%m-%d %H:%M} UTC",
        shown=sorted(results.results, key=lambda one: order.index(one.status)),
    )


def fit(text: str) -> str:
    """What UTF-8 can hold and a page can show; a NUL ends a page in some browsers."""
    shown = text if len(text) <= _LONGEST else f"{text[:_LONGEST]} […]"
    return shown.encode("utf-8", "replace").decode().replace("\0", "\N{REPLACEMENT CHARACTER}")
