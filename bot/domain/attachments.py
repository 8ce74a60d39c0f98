"""What a customer sends besides words and files, put into words: a place, a contact card."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import islice

from bot.domain.untrusted import clean_line

NAME_LIMIT = 100
ADDRESS_LIMIT = 300
PHONE_LIMIT = 40
CARDS_LIMIT = 10
PHONES_LIMIT = 5
_MAP = "https://www.google.com/maps?q="


@dataclass(frozen=True, slots=True)
class Card:
    """Somebody's name and numbers, as they were sent."""

    name: str = field(repr=False)
    phones: Sequence[str] = field(default=(), repr=False)


def describe_place(
    *,
    name: str = "",
    address: str = "",
    latitude: float | None = None,
    longitude: float | None = None,
) -> str:
    """A place, line by line: what is known of it, and a link to a map. Empty: nothing usable.

    Degrees; a pair that lies on no map is left out.
    """
    lines = [clean_line(name, NAME_LIMIT), clean_line(address, ADDRESS_LIMIT)]
    if latitude is not None and longitude is not None and _on_earth(latitude, longitude):
        north, east = _degrees(latitude), _degrees(longitude)
        lines += [f"{north}, {east}", f"{_MAP}{north},{east}"]
    return _lines(lines)


def describe_cards(cards: Iterable[Card]) -> str:
    """Names and numbers, one a line, with a blank line between people. Empty: nothing usable."""
    people = (_person(card) for card in cards)
    return "\n\n".join(islice((person for person in people if person), CARDS_LIMIT))


def _person(card: Card) -> str:
    phones = (clean_line(phone, PHONE_LIMIT) for phone in card.phones)
    numbers = islice((phone for phone in phones if phone), PHONES_LIMIT)
    return _lines([clean_line(card.name, NAME_LIMIT), *numbers])


def _lines(lines: Iterable[str]) -> str:
    return "\n".join(line for line in lines if line)


def _on_earth(latitude: float, longitude: float) -> bool:
    """False for NaN too: it compares with nothing."""
    return -90 <= latitude <= 90 and -180 <= longitude <= 180


def _degrees(angle: float) -> str:
    return f"{round(angle, 6) + 0.0:.6f}"  # adding zero turns -0.0 into 0.0
