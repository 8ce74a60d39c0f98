"""Test files on this machine."""

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from bot.errors import Fault, SettingsError
from bot.evals.reading import parse_suite
from bot.evals.script import Suite
from bot.yaml_reader import MAX_FILE_BYTES, decode

FOLDER = "prompts/tests"
"""Below the folder of config.yaml."""
_ENDINGS = (".yaml", ".yml")


def load_suites(paths: Sequence[Path]) -> tuple[Suite, ...]:
    """All tests in these files and folders, or SettingsError with every fault of all of them."""
    suites: list[Suite] = []
    faults: list[Fault] = []
    for path in _files(paths):
        try:
            suites.append(_load(path))
        except SettingsError as error:
            faults += error.faults
    if faults:
        raise SettingsError(tuple(faults))
    return tuple(suites)


def near(path: Path) -> Path:
    """As people name it from where they are."""
    return path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path


def read_text(path: Path, file: str) -> str:
    """A file of bounded size. Raises SettingsError."""
    try:
        if not path.is_file():
            raise SettingsError((Fault("no such file: correct the name", "", file),))
        with path.open("rb") as opened:
            return decode(opened.read(MAX_FILE_BYTES + 1), file)
    except OSError as error:
        raise SettingsError((Fault(f"can't be read: {error.strerror}", "", file),)) from None


def _files(paths: Iterable[Path]) -> Iterator[Path]:
    """Each once."""
    found = (file for path in paths for file in (_inside(path) if path.is_dir() else [path]))
    yield from {file.absolute(): file for file in found}.values()


def _inside(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.suffix in _ENDINGS)


def _load(path: Path) -> Suite:
    folder = path.absolute().parent

    def is_there(image: str) -> bool:
        picture = folder / image
        return picture.is_file() and picture.resolve().is_relative_to(folder.resolve())

    return parse_suite(read_text(path, str(path)), str(path), str(folder), is_there)
