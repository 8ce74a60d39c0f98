"""What somebody probably meant."""

from collections.abc import Sequence
from difflib import get_close_matches


def nearest(word: str, known: Sequence[str]) -> str:
    """A question naming what is close to `word`, else the list of what is known."""
    by_folded = {name.casefold(): name for name in known}
    close = get_close_matches(word.casefold(), list(by_folded), n=1, cutoff=0.5)
    if close:
        return f"did you mean `{by_folded[close[0]]}`?"
    return f"known: {', '.join(known)}" if known else "remove it"
