"""JUnit XML, as build servers read it; well-formed whatever a model or a customer has said."""

import re
from collections import defaultdict
from collections.abc import Iterable
from xml.etree.ElementTree import Element, SubElement, indent, tostring

from bot.evals.results import Playing, Result, Results, Status

_NO_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""What XML 1.0 can't hold, not even as a reference."""
_LONGEST = 50_000
_WHO = {"customer": "Customer", "bot": "Bot", "note": "--"}


def junit_xml(results: Results) -> bytes:
    """The whole document, in UTF-8."""
    root = Element("testsuites", _counts(results.results))
    by_file: dict[tuple[str, str], list[Result]] = defaultdict(list)
    for result in results.results:
        by_file[result.file, result.prompt].append(result)
    for (file, prompt), group in by_file.items():
        suite = SubElement(
            root, "testsuite", {"name": _fit(f"{file} ({prompt})"), **_counts(group)}
        )
        for result in group:
            _case(suite, result)
    indent(root)
    return bytes(tostring(root, encoding="utf-8", xml_declaration=True))


def _case(suite: Element, result: Result) -> None:
    where = {"classname": f"{result.file}.{result.prompt}", "name": result.name}
    place = {"file": result.file, "line": str(result.line)}
    given = {key: _fit(value) for key, value in {**where, **place}.items()}
    case = SubElement(suite, "testcase", given)
    if result.status is Status.FAILED:
        _add(case, "failure", _what_failed(result), _told(result.worst))
    if result.status is Status.NOT_RUN:
        _add(case, "error", result.trouble, _told(result.worst))
    if result.worst is not None:
        SubElement(case, "system-out").text = _fit(_told(result.worst))


def _add(case: Element, kind: str, message: str, text: str) -> None:
    SubElement(case, kind, {"message": _fit(message)[:500]}).text = _fit(text)


def _what_failed(result: Result) -> str:
    failures = () if result.worst is None else result.worst.failures
    reasons = "; ".join(f"{one.where}: {one.expectation}: {one.reason}" for one in failures)
    times = len(result.playings)
    return reasons if times == 1 else f"{result.passes} of {times} passed. {reasons}"


def _told(playing: Playing | None) -> str:
    if playing is None:
        return ""
    return "\n".join(f"{_WHO[one.who]}: {one.text}" for one in playing.talk)


def _counts(results: Iterable[Result]) -> dict[str, str]:
    states = [one.status for one in results]
    counts = {"tests": len(states), "failures": states.count(Status.FAILED)}
    return {key: str(n) for key, n in {**counts, "errors": states.count(Status.NOT_RUN)}.items()}


def _fit(text: str) -> str:
    return _NO_XML.sub("\N{REPLACEMENT CHARACTER}", text[:_LONGEST])
