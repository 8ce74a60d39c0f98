"""A split as operators see it: what became of the contacts on each of its sides."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class SideView:
    """One prompt's contacts."""

    prompt: str
    file: str
    percent: float
    contacts: int
    """Who wrote in that time."""
    answered: int
    handed_off: int
    hand_off_rate: float | None
    """Of what was answered; None: nothing was."""
    opted_out: int
    failed: int
    """Tries to make an answer that came to nothing, outages not counted."""
    median_chars: float | None
    tokens: int
    cost: float | None
    """None: the price of some answers is not known."""


@dataclass(frozen=True, slots=True)
class SplitView:
    """The line's own prompt first."""

    line_id: str
    days: int
    sides: tuple[SideView, ...]
