"""`bot dev`, `run`, `serve`, `worker`: the bot itself."""

from argparse import Namespace

from bot.serve_process import run_process


def run(arguments: Namespace) -> int:
    """Run until a signal."""
    return run_process(arguments.command, arguments.config)
