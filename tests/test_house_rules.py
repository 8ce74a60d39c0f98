"""Rules of the house that no linter knows."""

import ast
import re
import sys
import tomllib
from collections.abc import Iterator
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
DOMAIN = sorted((ROOT / "bot" / "domain").glob("*.py"))


def _imported(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.module or ""


@pytest.mark.parametrize("path", DOMAIN, ids=lambda path: path.name)
def test_the_domain_imports_the_standard_library_alone(path: Path) -> None:
    foreign = [
        name
        for name in _imported(path)
        if name.split(".")[0] not in sys.stdlib_module_names
        and not name.startswith(("bot.domain", "bot.errors"))
    ]
    assert foreign == []


@pytest.mark.parametrize("path", DOMAIN, ids=lambda path: path.name)
def test_the_domain_neither_waits_nor_logs(path: Path) -> None:
    tree = ast.parse(path.read_text())
    waits = [node for node in ast.walk(tree) if isinstance(node, ast.Await | ast.AsyncFunctionDef)]
    assert waits == []
    assert not {"asyncio", "logging", "time"} & set(_imported(path))


def test_pinned_versions_name_packages_and_nothing_else() -> None:
    lines = (ROOT / "constraints.txt").read_text().splitlines()
    assert [line for line in lines if not re.match(r"^[a-z0-9-]+==[\w.]+( ; .+)?$", line)] == []


def test_every_library_that_the_package_imports_is_declared() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    declared = {_normal(re.split(r"[\[>=;]", name)[0]) for name in project["dependencies"]}
    providers = packages_distributions()
    imported = {
        _normal(providers[name.split(".")[0]][0])
        for path in (ROOT / "bot").rglob("*.py")
        for name in _imported(path)
        if name.split(".")[0] not in {*sys.stdlib_module_names, "bot", ""}
    }
    assert imported - declared == set()


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name.strip()).lower()


def test_modules_are_named_for_what_they_do() -> None:
    vague = {"utils", "helpers", "common", "manager", "service", "misc"}
    paths = [path for path in (ROOT / "bot").rglob("*") if path.stem in vague]
    assert paths == []
