"""Commands that are promised and not built yet: they say so and fail."""

from argparse import Namespace

from bot.cli.terminal import complain


def run(arguments: Namespace) -> int:
    """Nothing is done."""
    complain(f"bot {arguments.command}: not built yet")
    return 2
