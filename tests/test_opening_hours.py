"""Opening hours by the clock: zones, clock changes, holidays, and when the bot is off duty."""

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from bot.domain.holidays import Holiday, parse_holiday
from bot.domain.opening_hours import DAYS, BotAnswers, OpeningHours, off_duty

Hours = Mapping[str, Sequence[str]]

SHOP = {"mon": ("09:00-13:00", "16:00-20:00"), "tue": ("09:00-13:00",), "wed": ()}
BAR = {"fri": ("20:00-02:00",), "sat": ("20:00-02:00",)}
NIGHT = {"sat": ("22:00-24:00",), "sun": ("00:00-06:00", "05:00-08:00")}
DAY_AND_NIGHT = dict.fromkeys(DAYS, ("00:00-24:00",))
MONTH = timedelta(days=31)


def at(text: str) -> datetime:
    """`2026-03-29 01:30` in UTC."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def of(hours: Hours, zone: str = "UTC", *holidays: str) -> OpeningHours:
    return OpeningHours(hours, tuple(map(parse_holiday, holidays)), ZoneInfo(zone), zone)


# The state at a moment, since when it holds, and until when; all in UTC.
MOMENTS: dict[str, tuple[OpeningHours, str, bool, str, str]] = {
    # 2026-06-01 is a Monday
    "open": (of(SHOP), "2026-06-01 10:00", True, "2026-06-01 09:00", "2026-06-01 13:00"),
    "at the start": (of(SHOP), "2026-06-01 09:00", True, "2026-06-01 09:00", "2026-06-01 13:00"),
    "at the end": (of(SHOP), "2026-06-01 13:00", False, "2026-06-01 13:00", "2026-06-01 16:00"),
    "a day that is closed": (
        *(of(SHOP), "2026-06-03 10:00", False),
        *("2026-06-02 13:00", "2026-06-08 09:00"),
    ),
    "a day that is not named": (
        *(of(SHOP), "2026-06-06 10:00", False),
        *("2026-06-02 13:00", "2026-06-08 09:00"),
    ),
    "before midnight": (of(BAR), "2026-06-05 23:59", True, "2026-06-05 20:00", "2026-06-06 02:00"),
    "after midnight": (of(BAR), "2026-06-06 01:59", True, "2026-06-05 20:00", "2026-06-06 02:00"),
    "a night ends": (of(BAR), "2026-06-06 02:00", False, "2026-06-06 02:00", "2026-06-06 20:00"),
    "the week's end": (of(BAR), "2026-06-07 02:00", False, "2026-06-07 02:00", "2026-06-12 20:00"),
    "spans that touch and overlap": (
        *(of(NIGHT), "2026-06-07 00:00", True),
        *("2026-06-06 22:00", "2026-06-07 08:00"),
    ),
    "summer in Madrid": (
        *(of(SHOP, "Europe/Madrid"), "2026-06-01 07:00", True),
        *("2026-06-01 07:00", "2026-06-01 11:00"),
    ),
    "winter in Madrid": (
        *(of(SHOP, "Europe/Madrid"), "2026-12-07 07:59", False),
        *("2026-12-01 12:00", "2026-12-07 08:00"),
    ),
    "half an hour off": (
        *(of(SHOP, "Asia/Kolkata"), "2026-06-01 03:30", True),
        *("2026-06-01 03:30", "2026-06-01 07:30"),
    ),
    "three quarters of an hour off, on another day": (
        *(of({"mon": ("00:15-01:00",)}, "Asia/Kathmandu"), "2026-05-31 18:40", True),
        *("2026-05-31 18:30", "2026-05-31 19:15"),
    ),
    "a holiday": (
        *(of(SHOP, "Europe/Madrid", "2026-06-01"), "2026-06-01 08:00", False),
        *("2026-05-26 11:00", "2026-06-02 07:00"),
    ),
    "a holiday in the local zone": (
        *(of(DAY_AND_NIGHT, "Asia/Kolkata", "06-02"), "2026-06-02 12:00", False),
        *("2026-06-01 18:30", "2026-06-02 18:30"),
    ),
    "a night that began before the holiday": (
        *(of(BAR, "UTC", "2026-06-06"), "2026-06-06 01:00", True),
        *("2026-06-05 20:00", "2026-06-06 02:00"),
    ),
    "a night that began on the holiday": (
        *(of(BAR, "UTC", "2026-06-05"), "2026-06-06 01:00", False),
        *("2026-05-31 02:00", "2026-06-06 20:00"),
    ),
    "holidays over the new year": (
        *(of(DAY_AND_NIGHT, "UTC", "12-24..01-06"), "2027-01-01 00:00", False),
        *("2026-12-24 00:00", "2027-01-07 00:00"),
    ),
    # Madrid, 2026-03-29: 01:00 UTC is 03:00, from 02:00 on nothing is shown
    "a start in the hole": (
        *(of({"sun": ("02:30-05:00",)}, "Europe/Madrid"), "2026-03-29 01:10", True),
        *("2026-03-29 01:00", "2026-03-29 03:00"),
    ),
    "before a start in the hole": (
        *(of({"sun": ("02:30-05:00",)}, "Europe/Madrid"), "2026-03-29 00:59", False),
        *("2026-03-22 04:00", "2026-03-29 01:00"),
    ),
    "an end in the hole": (
        *(of({"sat": ("20:00-02:30",)}, "Europe/Madrid"), "2026-03-29 00:59", True),
        *("2026-03-28 19:00", "2026-03-29 01:00"),
    ),
    "all of it in the hole": (
        *(of({"sun": ("02:00-03:00", "05:00-06:00")}, "Europe/Madrid"), "2026-03-29 01:00", False),
        *("2026-03-22 05:00", "2026-03-29 03:00"),
    ),
    "a break in the hole": (
        *(of({"sun": ("01:00-02:00", "03:00-04:00")}, "Europe/Madrid"), "2026-03-29 01:00", True),
        *("2026-03-29 00:00", "2026-03-29 02:00"),
    ),
    "a shorter day": (
        *(of({"sun": ("00:00-24:00",)}, "Europe/Madrid"), "2026-03-29 12:00", True),
        *("2026-03-28 23:00", "2026-03-29 22:00"),
    ),
    # Madrid, 2026-10-25: 00:00 UTC is 02:00, and so is 01:00
    "a start in the hour that comes twice": (
        *(of({"sun": ("02:30-05:00",)}, "Europe/Madrid"), "2026-10-25 01:10", True),
        *("2026-10-25 00:30", "2026-10-25 04:00"),
    ),
    "an end in the hour that comes twice": (
        *(of({"sat": ("20:00-02:30",)}, "Europe/Madrid"), "2026-10-25 01:10", False),
        *("2026-10-25 00:30", "2026-10-31 19:00"),
    ),
    "an end after the hour that comes twice": (
        *(of({"sat": ("20:00-03:00",)}, "Europe/Madrid"), "2026-10-25 01:59", True),
        *("2026-10-24 18:00", "2026-10-25 02:00"),
    ),
    "a longer day": (
        *(of({"sun": ("00:00-24:00",)}, "Europe/Madrid"), "2026-10-25 12:00", True),
        *("2026-10-24 22:00", "2026-10-25 23:00"),
    ),
    # St. John's, 2010-11-07: 00:01 goes back to 23:01 of the day before
    "midnight twice": (
        *(of({"sun": ("00:00-10:00",)}, "America/St_Johns"), "2010-11-07 03:00", True),
        *("2010-11-07 02:30", "2010-11-07 13:30"),
    ),
    # Apia had no 2011-12-30, a Friday
    "a day that never was": (
        *(of({"fri": ("09:00-17:00",)}, "Pacific/Apia"), "2011-12-30 10:00", False),
        *("2011-12-24 03:00", "2012-01-05 19:00"),
    ),
}


@pytest.mark.parametrize("name", MOMENTS)
def test_a_moment_has_a_state_that_began_and_that_ends(name: str) -> None:
    hours, moment, is_open, since, until = MOMENTS[name]
    assert hours.is_open(at(moment)) is is_open
    assert hours.changed_at(at(moment)) == at(since)
    assert hours.changes_at(at(moment)) == at(until)


@pytest.mark.parametrize(
    ("hours", "is_open"),
    [
        (of({}), True),
        (of({}, "UTC", "2026-06-01"), True),
        (of(DAY_AND_NIGHT, "Europe/Madrid"), True),
        (of({"mon": ()}), False),
        (of(SHOP, "UTC", "01-01..12-31"), False),
        (of(SHOP, "UTC", "2025-01-01..2027-12-31"), False),
    ],
)
def test_what_does_not_change_within_400_days_has_neither_moment(
    hours: OpeningHours, is_open: bool
) -> None:
    moment = at("2026-06-01 10:00")
    assert hours.is_open(moment) is is_open
    assert (hours.changed_at(moment), hours.changes_at(moment)) == (None, None)


def test_400_days_are_looked_at_and_no_moment_more() -> None:
    always_but = of(DAY_AND_NIGHT, "Europe/Madrid", "2026-06-01")
    begins, ends = at("2026-05-31 22:00"), at("2026-06-01 22:00")
    days, moment = timedelta(days=400), timedelta.resolution
    assert always_but.changes_at(begins - days) == begins
    assert always_but.changes_at(begins - days - moment) is None
    assert always_but.changed_at(ends + days) == ends
    assert always_but.changed_at(ends + days + moment) is None


@pytest.mark.parametrize(
    ("text", "closed", "open_days"),
    [
        ("2026-12-25", ["2026-12-25"], ["2026-12-24", "2026-12-26", "2027-12-25"]),
        ("12-25", ["2026-12-25", "2027-12-25"], ["2026-12-24", "2026-12-26"]),
        ("02-29", ["2028-02-29"], ["2027-02-28", "2027-03-01"]),
        (
            "2026-12-24..2027-01-06",
            ["2026-12-24", "2026-12-31", "2027-01-06"],
            ["2026-12-23", "2027-01-07", "2027-12-31", "2025-12-31"],
        ),
        (
            "12-24 .. 01-06",
            ["2026-12-24", "2027-01-01", "2027-01-06", "2030-12-31"],
            ["2026-12-23", "2027-01-07", "2027-06-01"],
        ),
        ("08-01..08-15", ["2026-08-01", "2031-08-15"], ["2026-07-31", "2026-08-16"]),
    ],
)
def test_a_holiday_covers_its_days(text: str, closed: list[str], open_days: list[str]) -> None:
    holiday = parse_holiday(text)
    assert [day for day in closed if not holiday.covers(date.fromisoformat(day))] == []
    assert [day for day in open_days if holiday.covers(date.fromisoformat(day))] == []


@pytest.mark.parametrize(
    "text",
    [
        *("", "..", "12-25..", "..12-25", "12-25...12-26", "12-25..12-26..12-27", "1-6", "12/25"),
        *("02-30", "00-10", "13-01", "2027-02-29", "0000-01-01", "26-12-25", "١٢-٢٥"),
        *("2026-12-24..2026-12-23", "2026-12-24..01-06", "12-24..2027-01-06"),
    ],
)
def test_what_is_no_holiday_is_refused_with_what_to_write(text: str) -> None:
    with pytest.raises(ValueError, match="write"):
        parse_holiday(text)


@pytest.mark.parametrize(
    ("mode", "when_open", "when_closed"),
    [("always", False, False), ("in_hours", False, True), ("outside_hours", True, False)],
)
def test_the_bot_is_off_duty_when_the_mode_says_so(
    mode: BotAnswers, when_open: bool, when_closed: bool
) -> None:
    assert off_duty(mode, of(SHOP), at("2026-06-01 10:00")) is when_open
    assert off_duty(mode, of(SHOP), at("2026-06-01 14:00")) is when_closed
    assert not off_duty(mode, of({}), at("2026-06-01 10:00"))


ZONES = (
    *("UTC", "Europe/Madrid", "Asia/Kolkata", "Australia/Lord_Howe", "America/St_Johns"),
    *("Pacific/Apia", "Asia/Beirut", "America/Santiago"),
)


def _clock(minute: int) -> str:
    return f"{minute // 60:02}:{minute % 60:02}"


MINUTES = st.integers(0, 96).map(lambda quarter: quarter * 15)
SPANS = (
    st.tuples(MINUTES.filter(lambda start: start < 1440), MINUTES.filter(bool))
    .filter(lambda span: span[0] != span[1])
    .map(lambda span: f"{_clock(span[0])}-{_clock(span[1])}")
)
HOLIDAYS = st.dates(date(2005, 1, 1), date(2030, 1, 1)).map(
    lambda day: Holiday((day.month, day.day), (day.month, day.day))
)
OPENING_HOURS = st.builds(
    lambda hours, holidays, zone: OpeningHours(hours, holidays, ZoneInfo(zone), zone),
    st.dictionaries(st.sampled_from(DAYS), st.lists(SPANS, max_size=3), min_size=1),
    st.lists(HOLIDAYS, max_size=4),
    st.sampled_from(ZONES),
)
# Any, and often one shortly before a clock changes.
INSTANTS = st.one_of(
    st.datetimes(datetime(2005, 1, 1), datetime(2030, 1, 1)),  # noqa: DTZ001 - in UTC below
    st.sampled_from(
        [
            *("2026-03-29 00:30", "2026-10-25 00:30", "2010-11-07 02:00", "2010-03-14 03:00"),
            *("2011-12-30 08:00", "2026-04-04 14:30", "2026-10-03 15:00", "2026-10-24 20:30"),
        ]
    ).map(datetime.fromisoformat),
).map(lambda naive: naive.replace(tzinfo=UTC))


@settings(deadline=None)
@given(OPENING_HOURS, INSTANTS)
def test_states_alternate_and_begin_where_the_one_before_ends(
    hours: OpeningHours, moment: datetime
) -> None:
    was_open, since = hours.is_open(moment), hours.changed_at(moment)
    for _ in range(8):
        change = hours.changes_at(moment)
        if change is None or change - moment > 10 * MONTH:
            break
        just_before = change - timedelta.resolution
        assert change > moment
        assert hours.is_open(just_before) is was_open
        assert hours.is_open(change) is not was_open
        assert hours.changed_at(just_before) == since
        assert hours.changed_at(change) == change
        moment, since, was_open = change, change, not was_open


@settings(deadline=None)
@given(OPENING_HOURS, INSTANTS, st.integers(-96, 96))
def test_the_state_is_what_the_clock_on_the_wall_says(
    hours: OpeningHours, moment: datetime, quarters: int
) -> None:
    moment += timedelta(minutes=15 * quarters)
    local = moment.astimezone(hours.timezone)
    assume(not local.fold)  # in an hour that comes a second time the clock on the wall misleads
    assert hours.is_open(moment) is _by_the_wall(hours, local.replace(tzinfo=None))


def _by_the_wall(hours: OpeningHours, local: datetime) -> bool:
    today, minute = local.date(), local.hour * 60 + local.minute
    yesterday = today - timedelta(days=1)
    return any(
        start <= minute < end or (end <= start <= minute) for start, end in _spans_of(hours, today)
    ) or any(end <= start and minute < end for start, end in _spans_of(hours, yesterday))


def _spans_of(hours: OpeningHours, day: date) -> list[tuple[int, int]]:
    if any(holiday.covers(day) for holiday in hours.holidays):
        return []
    spans = (span.split("-") for span in hours.hours.get(DAYS[day.weekday()], ()))
    return [(_minute(start), _minute(end)) for start, end in spans]


def _minute(clock: str) -> int:
    hour, minute = map(int, clock.split(":"))
    return hour * 60 + minute
