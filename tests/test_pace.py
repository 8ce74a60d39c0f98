"""Tokens, slowness and runaways, by themselves."""

from datetime import UTC, datetime, timedelta

import pytest

from bot.breaker import Breaker
from bot.domain.pace import Bucket, Pace, slow_down, slowed
from bot.domain.work import Traffic

NOON = datetime(2026, 5, 5, 12, tzinfo=UTC)


def after(seconds: float) -> datetime:
    return NOON + timedelta(seconds=seconds)


def test_a_bucket_fills_up_to_its_burst_and_never_by_a_clock_set_back() -> None:
    bucket = Bucket(0, NOON)
    assert bucket.after(after(1), 60, 5).tokens == pytest.approx(1)
    assert bucket.after(after(3600), 60, 5).tokens == 5
    assert bucket.after(after(-3600), 60, 5) == Bucket(0, after(-3600))


@pytest.mark.parametrize(("tokens", "wait_s"), [(0, 1), (0.75, 0.25), (1, 0), (4, 0)])
def test_how_long_the_next_token_takes(tokens: float, wait_s: float) -> None:
    assert Bucket(tokens, NOON).wait(60) == timedelta(seconds=wait_s)


def test_a_line_finds_back_to_full_speed() -> None:
    assert slow_down(1) == 0.5
    assert slow_down(slow_down(slow_down(1))) == 0.25
    assert slowed(0.5, NOON, NOON) == 0.5
    assert slowed(0.25, NOON, after(120)) == pytest.approx(0.5)
    assert slowed(0.25, NOON, after(240)) == 1
    assert slowed(0.25, NOON, after(-60)) == 0.25
    assert slowed(1, None, NOON) == 1


def test_a_days_cap_is_the_smaller_of_the_two() -> None:
    assert Pace().allowed_on(0) is None
    assert not Pace().counts_days
    young = Pace(per_day=300, young_days=3, young_per_day=100)
    assert [young.allowed_on(day) for day in range(4)] == [100, 200, 300, 300]


@pytest.mark.parametrize(
    ("sent", "heard", "runaway"),
    [(199, 0, False), (200, 0, True), (200, 40, False), (201, 40, True), (5000, 5000, False)],
)
def test_a_runaway_writes_much_more_than_is_written_to_it(
    sent: int, heard: int, runaway: bool
) -> None:
    assert Pace().is_runaway(sent, heard) is runaway
    assert not Pace(breaker_ratio=0).is_runaway(sent, heard)


class _Traffic:
    """What is written, look by look."""

    def __init__(self, *looks: dict[str, tuple[int, int]]) -> None:
        self._looks = list(looks)
        self.asked: list[int | None] = []
        self.stopped: list[str] = []

    async def traffic(self, after: int | None) -> Traffic:
        self.asked.append(after)
        return Traffic(len(self.asked), self._looks.pop(0) if self._looks else {})

    async def stop_line(self, line_id: str, now: datetime) -> bool:
        assert now == NOON
        self.stopped.append(line_id)
        return True


async def test_the_breaker_adds_up_ten_minutes_and_begins_anew_when_it_has_stopped() -> None:
    store = _Traffic({}, {"a": (150, 5), "b": (150, 100)}, {"a": (60, 1), "b": (60, 50)})
    breaker = Breaker(store, lambda: NOON, Pace())
    for _ in range(5):
        await breaker.look()
    assert store.stopped == ["a"]
    assert store.asked == [None, 1, 2, 3, 4]


async def test_what_is_ten_minutes_old_counts_no_more() -> None:
    store = _Traffic({"a": (150, 0)}, *[{"b": (1, 1)}] * 60, {"a": (150, 0)})
    breaker = Breaker(store, lambda: NOON, Pace())
    for _ in range(62):
        await breaker.look()
    assert store.stopped == []
