"""`python -m tests.chaos`: one run and its table; exit 1 when an invariant is broken."""

import argparse
import asyncio
import sys

from tests.chaos.run import Plan, run
from tests.chaos.table import table


def main() -> int:
    """Parse, run, print."""
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--messages", type=int, default=400, help="how many customers write")
    parser.add_argument("--per-second", type=float, default=20)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--strike-every", type=float, default=1.5, help="seconds, on average")
    parser.add_argument("--whims", type=float, default=0.03, help="how likely a neighbour errs")
    parser.add_argument("--keep", action="store_true", help="keep the bot's folder of a bad run")
    parser.add_argument("--disk", action="store_true", help="fill the disk (root on Linux only)")
    parser.add_argument("--leases", action="store_true", help="stop workers beyond their leases")
    parser.add_argument("--postgres", action="store_true", help="on a PostgreSQL server of its own")
    given = parser.parse_args()
    plan = Plan(
        given.seed,
        given.messages,
        given.per_second,
        workers=given.workers,
        strike_every_s=given.strike_every,
        whim_chance=given.whims,
        fills_disk=given.disk,
        beyond_leases=given.leases,
        on_postgres=given.postgres,
    )
    outcome = asyncio.run(run(plan, keep=given.keep))
    sys.stdout.write(table(outcome) + "\n")
    return 0 if outcome.verdict.is_clean else 1


if __name__ == "__main__":
    sys.exit(main())
