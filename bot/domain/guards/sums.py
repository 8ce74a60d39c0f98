"""Whether an amount can be worked out of known ones: multiples, sums, differences, percentages."""

from collections.abc import Iterable
from itertools import combinations

from bot.domain.guards.numerals import THOUSAND

_AMOUNTS_MAX = 40
_MULTIPLES_MAX = 120
_STEPS = 100_000
"""So many additions are tried for one answer."""
_HUNDRED_PERCENT = 100 * THOUSAND


class Sums:
    """Amounts in thousandths. What has been found is known from then on."""

    def __init__(
        self,
        amounts: Iterable[int],
        counts: Iterable[int],
        percentages: Iterable[int],
        extras: Iterable[int] = (),
    ) -> None:
        """`extras`: what may come on top, or off, once: a delivery, a voucher."""
        self._extras = sorted(extras)[:_AMOUNTS_MAX]
        self._amounts = set(sorted(amount for amount in amounts if amount > 0)[:_AMOUNTS_MAX])
        self._counts = sorted(counts)[:12]
        self._percentages = sorted(percentages)[:6]
        self._steps = _STEPS
        self._multiples: frozenset[int] = frozenset()
        self._multiply()

    def add(self, amount: int) -> None:
        """One more that is known."""
        if amount not in self._amounts and len(self._amounts) < 2 * _AMOUNTS_MAX:
            self._amounts.add(amount)
            self._multiply()

    def give(self, wanted: int) -> bool:
        """Whether `wanted` is one of them, or follows from them."""
        return self._near(wanted) or self._part(wanted) or self._sum(wanted)

    def _multiply(self) -> None:
        whole = [1, *self._counts]
        products = {amount * count for amount in self._amounts for count in whole}
        products |= {
            amount * (_HUNDRED_PERCENT + sign * percentage) // _HUNDRED_PERCENT
            for amount in self._amounts
            for percentage in self._percentages
            for sign in (1, -1)
        }
        products |= {
            amount * percentage // _HUNDRED_PERCENT
            for amount in self._amounts
            for percentage in self._percentages
        }
        self._multiples = frozenset(sorted(products)[:_MULTIPLES_MAX])

    def _near(self, wanted: int) -> bool:
        """Cents are rounded."""
        if any(near in self._multiples for near in range(wanted - 9, wanted + 10)):
            return True
        return any(extra * count == wanted for extra in self._extras for count in self._counts)

    def _part(self, wanted: int) -> bool:
        """A half, an instalment."""
        return any(
            abs(wanted * count - amount) <= 10 * count
            for count in {2, *self._counts}
            for amount in self._amounts
        )

    def _sum(self, wanted: int) -> bool:
        known = self._multiples
        self._steps -= 2 * len(known)
        if self._steps < 0:
            return False
        if any(wanted - one in known or wanted + one in known for one in (*known, *self._extras)):
            return True
        return self._longer_sum(wanted)

    def _longer_sum(self, wanted: int) -> bool:
        below = [one for one in self._multiples if one < wanted]
        self._steps -= len(below) ** 2 // 2
        if self._steps < 0:
            return False
        pairs = {a + b for a, b in combinations(below, 2)}
        if any(wanted - one in pairs for one in below):
            return True
        return len(pairs) <= 2_000 and any(wanted - pair in pairs for pair in pairs)
