"""A run as a table for people."""

from collections.abc import Iterator, Sequence

from tests.chaos.run import Outcome


def table(outcome: Outcome) -> str:
    """Faults by kind, messages, what went wrong, and how long answers took."""
    return "\n".join(_lines(outcome))


def _lines(outcome: Outcome) -> Iterator[str]:
    plan, verdict, fired = outcome.plan, outcome.verdict, outcome.record.fired
    yield f"seed {plan.seed}, {outcome.lasted_s:.0f} s, {plan.workers} workers"
    yield ""
    yield f"{'faults':36}{sum(fired.values()):>8}"
    for kind, count in sorted(fired.items()):
        yield f"  {kind:34}{count:>8}"
    yield f"{'messages':36}{verdict.messages:>8}"
    yield f"  {'answered':34}{verdict.answered:>8}"
    for end, count in sorted(verdict.ended_otherwise.items()):
        yield f"  {end[:34]:34}{count:>8}"
    for what, wrong in _wrongs(outcome):
        yield f"{what:36}{len(wrong):>8}{'  ' + str(list(wrong)[:5]) if wrong else ''}"
    yield f"{'sent again under the same key':36}{outcome.repeated:>8}"
    yield f"{'database':36}{verdict.integrity:>8}"
    for name, share in (("p50", 0.5), ("p95", 0.95), ("max", 1.0)):
        yield f"{'answer after, ' + name:36}{_quantile(verdict.latencies_s, share):>6.2f} s"


def _wrongs(outcome: Outcome) -> Iterator[tuple[str, Sequence[object]]]:
    verdict = outcome.verdict
    yield "lost", verdict.lost
    yield "answered twice", verdict.twice
    yield "out of order", verdict.out_of_order
    yield "spoke while a person did", verdict.spoke


def _quantile(values: Sequence[float], share: float) -> float:
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else 0.0
