"""Two prompts over the same turns: which answers changed, and both sides' figures."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from bot.domain.comparison import Figures, Pair, changed_first, figures_of
from bot.evals.language import languages_of


@dataclass(frozen=True, slots=True)
class Comparison:
    """What customers got, and what another prompt says to the same."""

    prompt: str
    version: str
    """Empty: several."""
    pairs: tuple[Pair, ...]
    spent: float | None = 0.0
    """What this run has cost; what was remembered cost nothing. None: not known."""
    not_begun: int = 0
    stopped: str = ""
    """Why not every turn was taken."""

    @property
    def in_order(self) -> list[Pair]:
        """Changed answers first."""
        return changed_first(self.pairs)

    @property
    def compared(self) -> Sequence[Pair]:
        """Those with both answers."""
        return [pair for pair in self.pairs if pair.new is not None]

    @property
    def changed(self) -> int:
        """Answers that are not the same words."""
        return sum(pair.difference > 0 for pair in self.compared)

    @property
    def troubles(self) -> int:
        """New answers that could not be made."""
        return len(self.pairs) - len(self.compared)

    @property
    def old(self) -> Figures:
        """Of what customers got, in the turns that could be compared."""
        return figures_of([pair.old for pair in self.compared], language_of)

    @property
    def new(self) -> Figures:
        """Of what the other prompt says to the same."""
        return figures_of([pair.new for pair in self.pairs if pair.new is not None], language_of)


def language_of(text: str) -> str:
    """A code, or several with slashes when they can't be told apart; empty: no clue."""
    return "/".join(sorted(languages_of(text)))


def as_data(comparison: Comparison) -> Mapping[str, Any]:
    """For programs."""
    return {
        "prompt": comparison.prompt,
        "version": comparison.version,
        "compared": len(comparison.compared),
        "changed": comparison.changed,
        "not_made": comparison.troubles,
        "not_begun": comparison.not_begun,
        "stopped": comparison.stopped,
        "spent": comparison.spent,
        "old": asdict(comparison.old),
        "new": asdict(comparison.new),
        "turns": [_pair_data(pair) for pair in comparison.in_order],
    }


def _pair_data(pair: Pair) -> Mapping[str, Any]:
    new_language = None if pair.new is None else language_of(pair.new.text)
    return {
        **asdict(pair),
        "at": pair.at.isoformat().replace("+00:00", "Z"),
        "difference": round(pair.difference, 3),
        "old_language": language_of(pair.old.text),
        "new_language": new_language,
    }


def rows_of(comparison: Comparison) -> list[tuple[str, str, str]]:
    """Both sides' figures, for people: what, old, new."""
    old, new = comparison.old, comparison.new
    return [
        ("answered", str(old.answered), str(new.answered)),
        ("handed off", _rate(old), _rate(new)),
        ("opted out", str(old.opted_out), str(new.opted_out)),
        ("failed", str(old.failed), str(new.failed)),
        ("median length", _number(old.median_chars), _number(new.median_chars)),
        ("languages", _counts(old.languages), _counts(new.languages)),
        ("guards' findings", _counts(old.guards), _counts(new.guards)),
        ("tokens", str(old.tokens), str(new.tokens)),
        ("cost", _money(old.cost), _money(new.cost)),
    ]


def _rate(side: Figures) -> str:
    rate = side.hand_off_rate
    return str(side.handed_off) if rate is None else f"{side.handed_off} ({rate:.0%})"


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.0f}"


def _counts(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{name or 'unknown'} {count}" for name, count in counts.items()) or "none"


def _money(cost: float | None) -> str:
    return "not known" if cost is None else f"{cost:.4f}"
