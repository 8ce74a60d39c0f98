"""How many tokens a text will take, without the model's own tokenizer."""

from math import ceil

PER_MESSAGE = 8
"""What a server adds around each message (role, separators), with a margin."""

_FACTOR_MIN, _FACTOR_MAX = 0.25, 4.0
_WEIGHT_OF_NEWEST = 0.2


def estimate_tokens(text: str, factor: float = 1.0) -> int:
    """Tokens of one message; `factor` is the model's correction, 1.0 when nothing is known yet."""
    return ceil(_utf8_bytes(text) / 4 * 1.1 * factor) + PER_MESSAGE


def bytes_within(tokens: int, factor: float = 1.0) -> int:
    """The longest text in UTF-8 bytes that is estimated at no more than `tokens`."""
    # One byte less: the estimate is rounded up.
    return max(0, int((tokens - PER_MESSAGE) * 4 / (1.1 * factor)) - 1)


def corrected_factor(factor: float, estimated: int, counted: int) -> float:
    """A model's factor after one more call that was `estimated` and really `counted` so much.

    Moves slowly, and never far: a server that reports nonsense must not blind or bloat the bot.
    """
    if estimated <= 0 or counted <= 0:
        return factor
    wanted = factor * counted / estimated
    moved = factor + (wanted - factor) * _WEIGHT_OF_NEWEST
    return min(max(moved, _FACTOR_MIN), _FACTOR_MAX)


def _utf8_bytes(text: str) -> int:
    return len(text) if text.isascii() else len(text.encode("utf-8", "replace"))
