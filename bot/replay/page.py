"""An HTML page of a comparison: one file, no script, nothing from elsewhere."""

from datetime import datetime
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from bot.evals.report import fit
from bot.replay.results import Comparison, language_of, rows_of


def html_page(comparison: Comparison, title: str, made_at: datetime) -> str:
    """The whole page; everything that somebody said is escaped."""
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
    )
    environment.filters["fit"] = fit
    environment.filters["language"] = language_of
    return environment.get_template("page.html").render(
        run=comparison,
        title=title,
        rows=rows_of(comparison),
        made_at=f"{made_at:%Y-%m-%d %H:%M} UTC",
    )
