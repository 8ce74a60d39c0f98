"""Numbers as people write them, in whole thousandths: `1.200,50`, `1,200.50`, `1 200,50`."""

import re

THOUSAND = 1000
_GROUPS = re.compile(r"[ \u00a0\u202f'’]")


def readings(written: str) -> frozenset[int]:
    """Everything that digits with separators may mean: `1.200` is one thousand two hundred or 1.2.

    Of what is written with blanks between, the last group may stand alone.
    """
    groups = _GROUPS.split(written)
    found = set(_plain("".join(groups)))
    if len(groups) > 1 and " " in written:
        found |= _plain(groups[-1])
    return frozenset(found)


def _plain(written: str) -> set[int]:
    dots, commas = written.count("."), written.count(",")
    if not dots and not commas:
        return {int(written[:15]) * THOUSAND}
    if dots and commas:
        last = max(written.rfind("."), written.rfind(","))
        whole = written[:last].replace(".", "").replace(",", "")
        return {_decimal(whole, written[last + 1 :])}
    sign = "." if dots else ","
    whole, _, rest = written.rpartition(sign)
    found = set()
    if dots + commas == 1:
        found.add(_decimal(whole, rest))
    if all(len(group) == 3 for group in written.split(sign)[1:]):
        found.add(int(written.replace(sign, "")[:15]) * THOUSAND)
    return found or {_decimal(whole.replace(sign, ""), rest)}


def _decimal(whole: str, rest: str) -> int:
    return int(whole[:15] or "0") * THOUSAND + int(rest[:3].ljust(3, "0"))
