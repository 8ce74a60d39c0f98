"""`bot prompts new`: five answers make a prompt file that works."""

import io
import json
from pathlib import Path

import pytest

from bot.__main__ import main
from bot.adapters.prompt_files import parse_prompt, prompt_schema
from bot.domain.new_prompt import Answers, new_prompt
from bot.domain.prompt import Business, Prompt

ODD = '{{ now }} "quoted" \\ $x #: - [é] 😀 {% if'
OPTIONS = ("--about", "Bread.", "--hours", "no", "--person", "Marta", "--language", "es")


class Terminal(io.StringIO):
    """Somebody who types these lines."""

    def isatty(self) -> bool:
        return True


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.stdin", io.StringIO())
    return tmp_path


def written(file: str) -> Prompt:
    return parse_prompt(Path(file).read_text(), file, Business())


def test_a_person_is_asked_until_each_answer_can_be_used(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    typed = "Panadería Ñandú\n \nBread and cakes\nTue to Sat 8-14\nMarta\nKlingon\nEspañol\n"
    monkeypatch.setattr("sys.stdin", Terminal(typed))
    assert main(["prompts", "new"]) == 0
    said = capsys.readouterr()
    assert said.out.count("?") >= 6
    assert "no such language: write one like `es`" in said.err
    prompt = written("prompts/panaderia-nandu.yaml")
    assert prompt.variables == {
        "business_name": "Panadería Ñandú",
        "about": "Bread and cakes",
        "hours": "Tue to Sat 8-14",
        "person": "Marta",
    }
    assert prompt.own_language == "es"
    assert prompt.texts["fallback"].startswith("Perdone")


def test_whoever_goes_away_while_asked_leaves_nothing_behind(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.stdin", Terminal("Shop\n"))
    assert main(["prompts", "new"]) == 2
    assert "nothing was written" in capsys.readouterr().err
    assert [*folder.iterdir()] == []


def test_without_a_terminal_it_says_what_is_missing(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["prompts", "new", "shop", "--business", "Shop"]) == 2
    said = capsys.readouterr().err
    assert len(said.splitlines()) == 1
    assert 'add --about "…" --hours "…" --person "…" --language "…"' in said


def test_answers_may_be_options_and_are_never_templates(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["prompts", "new", "shop", "--business", ODD, *OPTIONS]) == 0
    assert "prompts/shop.yaml" in capsys.readouterr().out
    variables = written("prompts/shop.yaml").variables
    assert (variables["business_name"], variables["hours"]) == (ODD, "no")


def test_a_file_that_is_there_stays(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "prompts").mkdir()
    (folder / "prompts" / "shop.yaml").write_text("mine")
    assert main(["prompts", "new", "shop", "--business", "Shop", *OPTIONS]) == 2
    assert "is there already" in capsys.readouterr().err
    (folder / "prompts" / "link.yaml").symlink_to("nowhere.yaml")
    assert main(["prompts", "new", "link", "--business", "Shop", *OPTIONS]) == 2
    assert (folder / "prompts" / "shop.yaml").read_text() == "mine"
    assert not (folder / "prompts" / "nowhere.yaml").exists()


def test_it_is_written_beside_the_settings_that_are_named(folder: Path) -> None:
    (folder / "elsewhere").mkdir()
    named = ("--config", "elsewhere/config.yaml", "--business", "Shop")
    assert main(["prompts", "new", *named, *OPTIONS]) == 0
    assert written("elsewhere/prompts/shop.yaml").variables["about"] == "Bread."


@pytest.mark.parametrize(
    ("options", "named"),
    [
        (("../x", "--business", "Shop", *OPTIONS), "NAME has letters"),
        (("x", "--business", " ", *OPTIONS), "--business is empty"),
        (("x", "--business", "Shop", *OPTIONS[:-1], "Spanisch"), "write `es` for spanish"),
    ],
)
def test_answers_of_no_use_end_it(
    options: tuple[str, ...], named: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["prompts", "new", *options]) == 2
    assert named in capsys.readouterr().err
    assert [*folder.iterdir()] == []


@pytest.mark.parametrize("language", ["en", "es", "pt", "gl", "ja"])
def test_in_every_language_the_file_is_whole(language: str) -> None:
    text = new_prompt(Answers("Shop", "Sells things.", "9-5", "Bo", language))
    prompt = parse_prompt(text, "prompts/x.yaml", Business())
    assert {"fallback", "unsupported", "unheard", "apology", "away", "disclosure"} <= set(
        prompt.texts
    )
    assert f"own_language: {language}" in text


def test_the_schema_can_be_had(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["prompts", "schema"]) == 0
    assert json.loads(capsys.readouterr().out) == prompt_schema()
