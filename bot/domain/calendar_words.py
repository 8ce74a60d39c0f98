"""Days, dates and opening hours in the languages that businesses write their prompts in."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final


@dataclass(frozen=True, slots=True)
class CalendarWords:
    """One language's words for the calendar."""

    days: tuple[str, ...]
    """From Monday on."""
    short_days: tuple[str, ...]
    months: tuple[str, ...]
    date: str
    """With {weekday}, {day}, {month}, {year}."""
    closed: str
    joined: str
    """`and`, between two spans of opening hours."""

    def day_of(self, at: datetime) -> str:
        """`Tuesday`."""
        return self.days[at.weekday()]

    def date_of(self, at: datetime) -> str:
        """`Tuesday 24 November 2026`."""
        month = self.months[at.month - 1]
        return self.date.format(weekday=self.day_of(at), day=at.day, month=month, year=at.year)


def _words(days: str, short_days: str, months: str, *rest: str) -> CalendarWords:
    date, closed, joined = rest
    return CalendarWords(
        tuple(days.split()), tuple(short_days.split()), tuple(months.split()), date, closed, joined
    )


ENGLISH: Final = _words(
    "Monday Tuesday Wednesday Thursday Friday Saturday Sunday",
    "Mon Tue Wed Thu Fri Sat Sun",
    "January February March April May June July August September October November December",
    "{weekday} {day} {month} {year}",
    "closed",
    "and",
)
_BY_LANGUAGE: Final[Mapping[str, CalendarWords]] = {
    "en": ENGLISH,
    "es": _words(
        "lunes martes miércoles jueves viernes sábado domingo",
        "lun mar mié jue vie sáb dom",
        "enero febrero marzo abril mayo junio julio agosto septiembre octubre noviembre diciembre",
        "{weekday}, {day} de {month} de {year}",
        "cerrado",
        "y",
    ),
    "pt": _words(
        "segunda-feira terça-feira quarta-feira quinta-feira sexta-feira sábado domingo",
        "seg ter qua qui sex sáb dom",
        "janeiro fevereiro março abril maio junho julho agosto setembro outubro novembro dezembro",
        "{weekday}, {day} de {month} de {year}",
        "fechado",
        "e",
    ),
    "ca": _words(
        "dilluns dimarts dimecres dijous divendres dissabte diumenge",
        "dl dt dc dj dv ds dg",
        "gener febrer març abril maig juny juliol agost setembre octubre novembre desembre",
        "{weekday}, {day} {month} {year}",
        "tancat",
        "i",
    ),
    "fr": _words(
        "lundi mardi mercredi jeudi vendredi samedi dimanche",
        "lun mar mer jeu ven sam dim",
        "janvier février mars avril mai juin juillet août septembre octobre novembre décembre",
        "{weekday} {day} {month} {year}",
        "fermé",
        "et",
    ),
    "de": _words(
        "Montag Dienstag Mittwoch Donnerstag Freitag Samstag Sonntag",
        "Mo Di Mi Do Fr Sa So",
        "Januar Februar März April Mai Juni Juli August September Oktober November Dezember",
        "{weekday}, {day}. {month} {year}",
        "geschlossen",
        "und",
    ),
    "it": _words(
        "lunedì martedì mercoledì giovedì venerdì sabato domenica",
        "lun mar mer gio ven sab dom",
        "gennaio febbraio marzo aprile maggio giugno luglio agosto settembre ottobre novembre "
        "dicembre",
        "{weekday} {day} {month} {year}",
        "chiuso",
        "e",
    ),
}


def calendar_words(language: str) -> CalendarWords:
    """In that language, or in English where its words are not known here."""
    return _BY_LANGUAGE.get(language, ENGLISH)


def part_of_day(at: datetime) -> str:
    """`morning`, `afternoon`, `evening` or `night`: for conditions, so in no other language."""
    parts = ((5, "night"), (12, "morning"), (18, "afternoon"), (22, "evening"), (24, "night"))
    return next(part for until, part in parts if at.hour < until)
