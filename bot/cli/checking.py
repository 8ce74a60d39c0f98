"""`bot check`: every fault of settings, prompts and environment at once."""

import json
import os
from argparse import Namespace

from bot.check import check
from bot.cli.terminal import complain, say


def run(arguments: Namespace) -> int:
    """1 when there is a fault; warnings alone are fine."""
    result = check(arguments.config, os.environ)
    faults = [str(fault) for fault in result.faults]
    warnings = [str(warning) for warning in result.warnings]
    if arguments.json:
        say(json.dumps({"faults": faults, "warnings": warnings}, indent=2))
    else:
        for warning in warnings:
            complain(f"warning: {warning}")
        for fault in faults:
            complain(fault)
    if not faults and not arguments.json:
        say("ok")
    return 1 if faults else 0
