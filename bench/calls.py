"""Calls to the operator API, one at a time on a connection that stays open."""

import http.client
import time
from collections.abc import Sequence

from bench.server import OPERATOR_TOKEN

_AUTHORIZED = {"Authorization": f"Bearer {OPERATOR_TOKEN}"}


def timed(port: int, paths: Sequence[str]) -> list[float]:
    """The seconds that each call took, from its first byte sent to its last received."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    try:
        return [_call(connection, path) for path in paths]
    finally:
        connection.close()


def _call(connection: http.client.HTTPConnection, path: str) -> float:
    start = time.perf_counter()
    connection.request("GET", path, headers=_AUTHORIZED)
    answer = connection.getresponse()
    answer.read()
    took_s = time.perf_counter() - start
    if answer.status != 200:
        raise RuntimeError(f"{path.partition('?')[0]} answered {answer.status}")
    return took_s
