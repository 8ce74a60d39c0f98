"""An allowed host, another one, and one beside that must be left alone."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.harness import Network, ScriptedMediaHost


@pytest.fixture
def host(network: Network) -> Iterator[ScriptedMediaHost]:
    host = ScriptedMediaHost(network)
    yield host
    unused = host.forget_plans()
    host.close()
    assert not unused, f"planned, but never asked for: {unused}"


@pytest.fixture
def other(network: Network) -> Iterator[ScriptedMediaHost]:
    """A second allowed host."""
    other = ScriptedMediaHost(network)
    yield other
    other.close()


@pytest.fixture
def bystander(network: Network) -> Iterator[ScriptedMediaHost]:
    """Listens beside the allowed host, and must never be connected to."""
    bystander = ScriptedMediaHost(network)
    yield bystander
    bystander.close()
    assert bystander.connections == 0


@pytest.fixture
def into(tmp_path: Path) -> Path:
    """A file in an empty folder."""
    (tmp_path / "downloads").mkdir()
    return tmp_path / "downloads" / "file"


@pytest.fixture
def witness(into: Path, tmp_path: Path) -> Path:
    """A second name of the file `into`: what was written is seen after it was removed."""
    into.touch()
    (tmp_path / "witness").hardlink_to(into)
    return tmp_path / "witness"
