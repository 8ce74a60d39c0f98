"""Prompts beside the one that speaks: who is on which side, what counts as changed, what is said
of the settings."""

import json
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from bot.adapters.prompt_files import NothingKept, PromptFiles
from bot.check import check
from bot.config import Settings, load
from bot.domain.comparison import Answer, Pair, changed_first, difference, figures_of
from bot.domain.conversation import conversation_id
from bot.domain.prompt import Business, Customer, LineVoice
from bot.domain.split import side_of
from bot.errors import SettingsError
from bot.replay.page import html_page
from bot.replay.results import Comparison, as_data, language_of

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)
CROWD = [conversation_id("ln_1", f"+1666{number:07}") for number in range(10_000)]
PROMPT = "instructions: Be kind.\n"


def settings(folder: Path, **sections: Any) -> Settings:
    config = folder / "config.yaml"
    config.write_text(json.dumps(sections))
    return load(config, {"BOT_DATA_DIR": str(folder / "data")}, dev=True)


# sides


def test_a_split_is_even() -> None:
    sides = Counter(side_of({"a": 20, "b": 30.5}, contact) for contact in CROWD)
    assert sides["a"] / len(CROWD) == pytest.approx(0.2, abs=0.01)
    assert sides["b"] / len(CROWD) == pytest.approx(0.305, abs=0.01)
    assert sides[None] / len(CROWD) == pytest.approx(0.495, abs=0.01)


def test_a_contact_stays_on_its_side_for_ever() -> None:
    """These very sides: any other way to tell them would move customers to another prompt."""
    sides = [side_of({"a": 50}, contact) for contact in CROWD[:12]]
    assert ["-" if side is None else side for side in sides] == list("a----aaaa-aa")


def test_a_larger_share_moves_nobody_away_from_it() -> None:
    for contact in CROWD:
        if side_of({"a": 20}, contact) == "a":
            assert side_of({"a": 30}, contact) == "a"


def test_lines_are_split_each_by_itself() -> None:
    others = [conversation_id("ln_2", f"+1666{number:07}") for number in range(10_000)]
    both = sum(
        side_of({"a": 50}, one) == side_of({"a": 50}, other)
        for one, other in zip(CROWD, others, strict=True)
    )
    assert both / len(CROWD) == pytest.approx(0.5, abs=0.02)


def test_all_or_nobody() -> None:
    assert {side_of({"a": 100}, contact) for contact in CROWD} == {"a"}
    assert {side_of({}, contact) for contact in CROWD} == {None}


# what is rendered


async def _files(folder: Path, voice: LineVoice, **texts: str) -> PromptFiles:
    for name, text in texts.items():
        (folder / f"{name}.yaml").write_text(text)
    lines = {"default": "default.yaml"}
    prompts = PromptFiles(folder, lines, Business(), NothingKept(), {"default": voice})
    await prompts.load()
    return prompts


def _name(prompts: PromptFiles, key: str, file: str | None = None) -> str:
    customer = Customer(key)
    return prompts.render("ln_1", contact_name=None, now=NOW, customer=customer, file=file).name


async def test_only_the_prompt_of_its_side_speaks_to_a_contact(tmp_path: Path) -> None:
    voice = LineVoice(contacts={"+1666": "own.yaml"}, split={"new.yaml": 50})
    prompts = await _files(tmp_path, voice, default=PROMPT, new=PROMPT, own=PROMPT)
    for number in range(50):
        key = f"+1777{number}"
        side = side_of(voice.split, conversation_id("ln_1", key))
        assert _name(prompts, key) == ("default" if side is None else "new")
        assert _name(prompts, key, "default.yaml") == "default"
    assert _name(prompts, "") == "default"
    assert _name(prompts, "+1666") == _name(prompts, "+1666", "new.yaml") == "own"


async def test_a_shadow_that_is_invalid_keeps_nobody_from_answering(tmp_path: Path) -> None:
    voice = LineVoice(shadow="new.yaml")
    prompts = await _files(tmp_path, voice, default=PROMPT, new="instructions: {{ nobody }}\n")
    assert _name(prompts, "+1") == "default"
    assert [fault.file for fault in prompts.faults()] == ["new.yaml"]
    with pytest.raises(SettingsError):
        _name(prompts, "+1", "new.yaml")
    with pytest.raises(SettingsError):
        await _files(tmp_path, LineVoice(split={"new.yaml": 1}))


# settings


def test_a_line_with_its_own_prompt_is_not_tried_on_like_the_others(tmp_path: Path) -> None:
    lines = {
        "default": {"prompt": "a", "shadow": "b", "split": {"c": 20, "d": 5}},
        "ln_own": {"prompt": "o"},
        "ln_more": {"answer": "nobody", "split": {"e": 1}},
        "ln_none": {"split": {}},
    }
    known = settings(tmp_path, lines=lines)
    assert known.line("unlisted").prompts == tuple(f"prompts/{one}.yaml" for one in "acdb")
    assert known.line("ln_own").prompts == ("prompts/o.yaml",)
    assert known.line("ln_more").split == {"prompts/e.yaml": 1}
    assert known.line("ln_more").shadow == "prompts/b.yaml"
    assert known.line("ln_none").split == {}
    assert known.voices()["default"].split == {"prompts/c.yaml": 20, "prompts/d.yaml": 5}


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ({"split": {"new": 60, "newer": 50}}, "more than 100"),
        ({"split": {"new": 0}}, "must be more than 0"),
        ({"split": {"../new.yaml": 1}}, "must lie below the folder"),
        ({"shadow": "new.txt/.."}, "must lie below the folder"),
        ({"split": {"new": 20}}, "no such file prompts/new.yaml"),
        ({"shadow": "new"}, "no such file prompts/new.yaml"),
    ],
)
def test_what_can_not_be_tried_is_a_fault(tmp_path: Path, line: dict[str, Any], told: str) -> None:
    faults = _check(tmp_path, lines={"ln_1": line})
    assert any(told in fault for fault in faults), faults


def test_a_prompt_that_is_tried_is_checked_as_any_other(tmp_path: Path) -> None:
    (tmp_path / "trial").mkdir()
    for name in ("shadow", "split"):
        (tmp_path / "trial" / f"{name}.yaml").write_text("instructions: '{{ nobody }}'\n")
    line = {"shadow": "trial/shadow.yaml", "split": {"trial/split.yaml": 3}}
    faults = _check(tmp_path, lines={"ln_1": line})
    for name in ("shadow", "split"):
        assert any(f"{name}.yaml:1" in fault and "nobody" in fault for fault in faults), faults


def test_what_does_little_is_warned_of(tmp_path: Path) -> None:
    line = {"prompt": "default", "shadow": "default", "split": {"default": 5}}
    _check(tmp_path)
    config = {"lines": {"ln_1": line}, "limits": {"shadow_cost_per_day": 1}}
    (tmp_path / "config.yaml").write_text(json.dumps(config))
    warnings = [str(one) for one in check(tmp_path / "config.yaml", {}, dev=True).warnings]
    for told in ("lines.ln_1.shadow", "lines.ln_1.split", "limits.shadow_cost_per_day"):
        assert any(told in warning for warning in warnings), warnings


def _check(folder: Path, **sections: Any) -> list[str]:
    (folder / "prompts").mkdir(exist_ok=True)
    (folder / "prompts" / "default.yaml").write_text(PROMPT)
    (folder / "config.yaml").write_text(json.dumps(sections))
    return [str(fault) for fault in check(folder / "config.yaml", {}, dev=True).faults]


# what counts as changed


def _answer(text: str, effect: str | None = None, **more: Any) -> Answer:
    return Answer(text, effect=effect, model="m", **more)


def _pair(old: Answer, new: Answer | None, turn_id: str = "tn_1", trouble: str = "") -> Pair:
    return Pair(turn_id, "cv_1", "ln_1", NOW, "hello", old, new, trouble)


@pytest.mark.parametrize(
    ("old", "new", "least", "most"),
    [
        (_answer("We open at 9."), _answer("*we* open at 9!"), 0, 0),
        (_answer("We open at 9."), _answer("We open at 10."), 0.2, 0.3),
        (_answer("Hola, abrimos"), _answer("Hello, we open"), 1, 1),
        (_answer("Bye"), _answer("Bye", "handed off"), 1, 1),
        (_answer(""), _answer("Bye"), 1, 1),
        (_answer(""), _answer(""), 0, 0),
        (_answer("a " * 100_000), _answer("b " * 100_000), 1, 1),
    ],
)
def test_how_much_is_changed(old: Answer, new: Answer, least: float, most: float) -> None:
    assert least <= difference(old, new) <= most


def test_changed_answers_come_first_and_missing_ones_last() -> None:
    pairs = [
        _pair(_answer("a b c d"), None, "missing", "away"),
        _pair(_answer("a b c d"), _answer("a b c d"), "same"),
        _pair(_answer("a b c d"), _answer("a b c x"), "little"),
        _pair(_answer("a b c d"), _answer("w x y z"), "all"),
    ]
    assert [pair.turn_id for pair in changed_first(pairs)] == ["all", "little", "same", "missing"]


def test_figures_of_a_side() -> None:
    figures = figures_of(
        [
            _answer("Hello, how are you?", tokens_in=5, tokens_out=1, cost=0.5),
            _answer("Abrimos a las nueve de la mañana", "handed off", cost=0.25),
            Answer("Bye", effect="opted out"),
            Answer("", ended="silent"),
            _answer("Sorry", ended="failed", cost=0.25, guards=("figures price logged",)),
        ],
        language_of,
    )
    assert (figures.turns, figures.answered, figures.failed) == (5, 3, 1)
    assert (figures.handed_off, figures.opted_out) == (1, 1)
    assert figures.hand_off_rate == pytest.approx(1 / 3)
    assert (figures.median_chars, figures.tokens, figures.cost) == (19, 6, 1.0)
    assert figures.languages == {"en": 1, "es": 1, "": 1}
    assert figures.guards == {"figures price logged": 1}
    assert figures_of([_answer("Hello")], language_of).cost is None
    assert figures_of([], language_of).hand_off_rate is None


# the page


def test_a_page_holds_no_script_whatever_was_said() -> None:
    nasty = "</div><script>alert(1)</script><img src=x onerror=alert(1)>\0\ud800"
    pairs = (
        _pair(_answer(nasty, reason=nasty), _answer("fine", guards=(nasty,))),
        _pair(_answer(""), None, trouble=nasty),
    )
    comparison = Comparison(nasty, nasty, (*pairs,), None, 3, nasty)
    page = html_page(comparison, nasty, NOW)
    assert "<script" not in page
    assert "<img" not in page
    assert "default-src 'none'" in page
    assert "100 % other words" in page
    assert "nothing is said" in page
    assert "3 not begun" in page
    page.encode()


def test_data_says_what_people_are_told() -> None:
    data = as_data(Comparison("new", "abc", (_pair(_answer("Hello"), _answer("Hola")),), 0.5))
    assert (data["compared"], data["changed"], data["not_made"]) == (1, 1, 0)
    (turn,) = data["turns"]
    assert (turn["difference"], turn["at"]) == (1.0, "2026-01-01T12:00:00Z")
    assert (turn["old"]["text"], turn["new"]["text"]) == ("Hello", "Hola")
    json.dumps(data)
