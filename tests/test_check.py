"""`bot check`: everything an operator has written, at once."""

from pathlib import Path

import pytest

from bot.check import CheckResult, check

GOOD = "instructions: |\n  Be kind.\n"
SECRETS = {
    "MOSSMOON_WEBHOOK_SECRET": "hush-one",
    "MOSSMOON_API_KEY": "mm_live_hush",
    "OPENAI_API_KEY": "hush",
    "OPERATOR_TOKEN": "hush-hush-hush-hush",
}


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "prompts").mkdir()
    (tmp_path / "prompts" / "default.yaml").write_text(GOOD)
    (tmp_path / "config.yaml").write_text("")
    return tmp_path


def lines(result: CheckResult) -> tuple[list[str], str]:
    assert "hush" not in f"{result}"
    return [str(fault) for fault in result.faults], "\n".join(map(str, result.warnings))


def test_what_is_right_has_no_fault(folder: Path) -> None:
    assert lines(check(None, SECRETS))[0] == []
    assert lines(check(None, {}, dev=True))[0] == []
    assert lines(check(folder / "config.yaml", SECRETS))[0] == []


def test_settings_prompts_and_environment_are_all_looked_at(folder: Path) -> None:
    (folder / "config.yaml").write_text("server: {prt: 1}\n")
    (folder / "prompts" / "default.yaml").write_text("instructions: |\n  {{ a }} {{ b }}\n")
    (folder / "prompts" / "unused.yml").write_text("- x\n")
    faults, _ = lines(check(None, {**SECRETS, "MOSSMOON_API_KEY": ""}))
    assert [fault.split(": ")[:2] for fault in faults] == [
        ["config.yaml:1:10", "server.prt"],
        ["MOSSMOON_API_KEY", "empty"],
        ["prompts/default.yaml:2:6", "instructions"],
        ["prompts/default.yaml:2:14", "instructions"],
        ["prompts/unused.yml:1:1", "must be a mapping"],
    ]


def test_a_line_without_its_prompt_file_is_a_fault_of_the_settings(folder: Path) -> None:
    (folder / "config.yaml").write_text("lines:\n  ln_1: {prompt: prompts/none.yaml}\n")
    assert lines(check(None, {**SECRETS, "MOSSMOON_API_KEY": " "}))[0] == [
        "MOSSMOON_API_KEY: empty: write the key of your Mossmoon workspace, `mm_live_…`",
        "config.yaml:2:18: lines.ln_1.prompt: no such file prompts/none.yaml: "
        "write it, or name another",
    ]


def test_a_missing_prompt_that_no_setting_names_has_no_place(folder: Path) -> None:
    (folder / "prompts" / "default.yaml").unlink()
    expected = "lines.default.prompt: no such file prompts/default.yaml: write it, or name another"
    assert lines(check(None, SECRETS))[0] == [expected]
    (folder / "config.yaml").unlink()
    assert lines(check(None, SECRETS))[0] == [expected]


def test_a_folder_in_place_of_a_prompt_is_a_fault(folder: Path) -> None:
    (folder / "prompts" / "odd.yaml").mkdir()
    assert lines(check(None, SECRETS))[0] == ["prompts/odd.yaml: not a file: put a prompt there"]


def test_a_bot_that_answers_in_hours_needs_words_for_the_rest(folder: Path) -> None:
    hours = "business:\n  hours: {mon: 9:00-17:00}\n  bot_answers: in_hours\n"
    (folder / "config.yaml").write_text(hours)
    assert "prompts/default.yaml: away: is missing" in lines(check(None, SECRETS))[1]
    (folder / "prompts" / "default.yaml").write_text(GOOD + "away: Back at nine.\n")
    assert "away" not in lines(check(None, SECRETS))[1]


def test_warnings_of_the_settings_are_told(folder: Path) -> None:
    (folder / "config.yaml").unlink()
    warnings = lines(check(None, {**SECRETS, "OPENAI_API_KEY": ""}))[1]
    assert "config.yaml: no such file: every setting has its default" in warnings
    assert "OPENAI_API_KEY: not set" in warnings
    assert "takeover.operators: nobody is told when a customer needs a person" in warnings
    assert "nobody is told" not in lines(check(None, {}, dev=True))[1]


def test_a_file_that_is_no_yaml_does_not_hide_the_rest(folder: Path) -> None:
    (folder / "config.yaml").write_text("a: [\n")
    (folder / "prompts" / "default.yaml").write_text("b: [\n")
    faults, _ = lines(check(None, {}))
    assert [fault.split(": ")[0] for fault in faults] == [
        "config.yaml:2:1",
        "MOSSMOON_WEBHOOK_SECRET",
        "MOSSMOON_API_KEY",
        "prompts/default.yaml:2:1",
    ]


def test_a_media_host_that_no_address_could_be_on_is_a_fault(folder: Path) -> None:
    (folder / "config.yaml").write_text('media: {allowed_hosts: ["2130706433"]}\n')
    (fault,) = lines(check(None, SECRETS))[0]
    assert fault.startswith("media.allowed_hosts: ")


def test_faults_in_what_is_included_and_in_contacts_prompts_are_told(folder: Path) -> None:
    (folder / "config.yaml").write_text(
        "lines:\n  default: {contacts: {+34600111222: regulars, +34600111223: none}}\n"
    )
    (folder / "prompts" / "default.yaml").write_text(f"include: [prices.yaml, pricse.yaml]\n{GOOD}")
    (folder / "prompts" / "prices.yaml").write_text("facts: '{{ pirce }}'\nvariables: {price: 1}\n")
    (folder / "prompts" / "regulars.yaml").write_text("include: regulars.yaml\n")
    assert [fault.split(";")[0] for fault in lines(check(None, SECRETS))[0]] == [
        "config.yaml:2:23: lines.default.contacts: no such file prompts/none.yaml: "
        "write it, or name another",
        "prompts/default.yaml:1:24: include.1: no such file prompts/pricse.yaml",
        "prompts/regulars.yaml:1:10: include: a circle: prompts/regulars.yaml -> "
        "prompts/regulars.yaml: take one of these includes out",
    ]
    (folder / "prompts" / "default.yaml").write_text(f"include: [prices.yaml]\n{GOOD}")
    (folder / "prompts" / "regulars.yaml").write_text(GOOD)
    (folder / "config.yaml").write_text("")
    expected = "prompts/prices.yaml:1:8: facts: unknown variable `pirce`"
    assert [fault.split(";")[0] for fault in lines(check(None, SECRETS))[0]] == [expected]
    absolute = lines(check(folder / "config.yaml", SECRETS))[0]
    assert [fault.split(";")[0] for fault in absolute] == [f"{folder}/{expected}"]


def test_what_is_only_included_need_not_be_a_whole_prompt(folder: Path) -> None:
    (folder / "prompts" / "prices.yaml").write_text("variables: {price: 1}\n")
    assert "instructions: is missing" in lines(check(None, SECRETS))[0][0]
    (folder / "prompts" / "default.yaml").write_text(f"include: prices.yaml\n{GOOD}")
    assert lines(check(None, SECRETS))[0] == []


def test_a_lines_value_for_nothing_is_a_warning_and_one_that_does_not_fit_a_fault(
    folder: Path,
) -> None:
    (folder / "config.yaml").write_text("lines:\n  ln_1:\n    variables: {ownr: Ana, days: two}\n")
    (folder / "prompts" / "default.yaml").write_text(
        "instructions: |\n  {% if days > 3 %}{{ owner }}{% endif %}\n"
        "variables: {owner: Rosa, days: 2}\n"
    )
    faults, warnings = lines(check(None, SECRETS))
    assert "config.yaml:3:23: lines.ln_1.variables.ownr" not in warnings  # the fault comes first
    (fault,) = faults
    assert fault.startswith(
        "prompts/default.yaml:2:3: instructions: with lines.ln_1.variables in the settings: can't"
    )
    (folder / "config.yaml").write_text("lines:\n  ln_1:\n    variables: {ownr: Ana, days: 4}\n")
    faults, warnings = lines(check(None, SECRETS))
    assert faults == []
    assert (
        "config.yaml:3:23: lines.ln_1.variables.ownr: prompts/default.yaml declares no such "
        "variable, so this does nothing; did you mean `owner`?"
    ) in warnings
