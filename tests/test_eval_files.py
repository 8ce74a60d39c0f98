"""Test files and what is expected in them: everything that needs no model."""

import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from bot.domain.chat import ChatMessage, ChatRequest, Completion, HandOffCall, Picture, Usage
from bot.errors import SettingsError
from bot.evals import reading
from bot.evals.cache import Cache
from bot.evals.expectations import Heard, Seen, problem_of
from bot.evals.files import load_suites
from bot.evals.judge import read_verdict
from bot.evals.junit import junit_xml
from bot.evals.language import languages_of
from bot.evals.patterns import BadPattern, check_pattern, found
from bot.evals.reading import parse_suite
from bot.evals.report import html_report
from bot.evals.results import Check, Playing, Result, Results, Status, Talk
from bot.evals.script import Criterion, Expectation, Kind, Message, Simulated, Step
from bot.rehearsal import Said, voice_note
from tests.samples import photos

ROOT = Path(__file__).parents[1]


def _faults(source: str) -> list[str]:
    with pytest.raises(SettingsError) as caught:
        parse_suite(source, "t.yaml")
    return [str(fault).removeprefix("t.yaml:") for fault in caught.value.faults]


def _expecting(expect: str) -> str:
    return f"conversations:\n- name: a\n  turns:\n  - customer: hi\n    expect: {{{expect}}}\n"


# files


WHOLE = """\
prompt: [bakery, cakes]
line: ln_1
now: 2026-03-28 9:05
contact: Ana
hours: {mon: closed, tue: ["8:00-12:00", "15:00-18:00"], wed: 09:00-13:00}
bot_answers: in_hours
judge_model: wise-1
repeat: 3
pass_rate: 0.6
never_says: [guarantee]
conversations:
- name: scripted
  contact: Ben
  turns:
  - hello
  - customer: [4.20, {voice: are you there?}, {image: cake.jpg, text: like this}]
    wait: 1h30m
    expect:
      contains: 4.20
      contains_any: [a, b]
      hands_off: no
      says_nothing: false
      judge: [is kind, {criterion: is brief, times: 3, pass_rate: 0.5}]
  - voice: ""
- name: played
  customer: {goal: order a cake, temper: angry, begins: hey, max_turns: 4}
  repeat: 1
  pass_rate: 1
  expect: {max_cost: 0.5, language: pt-BR}
"""


def test_a_file_is_read_as_it_is_meant() -> None:
    suite = parse_suite(WHOLE, "t.yaml")
    assert (suite.prompts, suite.line_id, suite.judge_model) == (
        ("bakery", "cakes"),
        "ln_1",
        "wise-1",
    )
    assert suite.now == datetime(2026, 3, 28, 9, 5)  # noqa: DTZ001 - by the business's clock
    assert suite.hours == {
        "mon": (),
        "tue": ("08:00-12:00", "15:00-18:00"),
        "wed": ("09:00-13:00",),
    }
    scripted, played = suite.conversations
    assert (scripted.contact, scripted.repeat, scripted.pass_rate) == ("Ben", 3, 0.6)
    assert isinstance(scripted.customer, tuple)
    first, second, third = scripted.customer
    assert first == Step((Message("text", "hello"),))
    assert second.messages == (
        Message("text", "4.20"),
        Message("voice", "are you there?"),
        Message("image", "like this", "cake.jpg"),
    )
    assert third.messages == (Message("voice", ""),)
    assert second.wait == timedelta(minutes=90)
    assert [(one.kind, one.wanted) for one in second.expectations] == [
        (Kind.CONTAINS, ("4.20",)),
        (Kind.CONTAINS_ANY, ("a", "b")),
        (Kind.HANDS_OFF, False),
        (Kind.SAYS_NOTHING, False),
        (Kind.JUDGE, Criterion("is kind")),
        (Kind.JUDGE, Criterion("is brief", 3, 0.5)),
    ]
    assert played.customer == Simulated("order a cake", "angry", "hey", 4)
    assert (played.contact, played.repeat) == ("Ana", 1)
    assert [(one.kind, one.wanted) for one in played.expectations] == [
        (Kind.MAX_COST, 0.5),
        (Kind.LANGUAGE, "pt"),
        (Kind.NEVER_SAYS, ("guarantee",)),
    ]


BAD_FILES: Mapping[str, tuple[str, list[str]]] = {
    "empty": ("", ["1:1: conversations: is missing"]),
    "a list": ("- a", ["1:1: must be a mapping"]),
    "a tab": ("conversations:\n\t- name: a", ["a tab: indent with spaces"]),
    "twice": ("now: 2026-01-01 10:00\nnow: 2026-01-01 10:00", ["2:1: now: given twice"]),
    "an alias bomb": ("a: &a [x]\nb: [*a, *a]", ["1:4: a: anchors", "aliases", "aliases"]),
    "a tag": ("now: !!python/name:os.system x", ["tags (`!name`) are refused"]),
    "a second document": ("now: x\n---\na: b", ["a second document"]),
    "misspelt": ("conversatons: []", ["did you mean `conversations`?", "is missing"]),
    "no list": ("conversations: a", ["1:16: conversations: must be a list"]),
    "no conversation": ("conversations: [a]", ["1:17: conversations.0: must be a conversation"]),
    "no name": ("conversations: [{turns: [a]}]", ["conversations.0.name: is missing"]),
    "one name twice": (
        "conversations: [{name: a, turns: [x]}, {name: a, turns: [x]}]",
        ["conversations.1.name: is taken"],
    ),
    "neither": ("conversations: [{name: a}]", ["needs `turns:`"]),
    "both": ("conversations: [{name: a, turns: [x], customer: {goal: x}}]", ["not both"]),
    "no turns": ("conversations: [{name: a, turns: []}]", ["turns: must be a list"]),
    "no goal": ("conversations: [{name: a, customer: {temper: x}}]", ["customer.goal: is missing"]),
    "played by a text": ("conversations: [{name: a, customer: x}]", ["at least `goal: …`"]),
    "endless": (
        "conversations: [{name: a, customer: {goal: x, max_turns: 1000}}]",
        ["customer.max_turns: must be a whole number from 1 to 30"],
    ),
    "a silent customer": ("conversations: [{name: a, turns: [{wait: 1h}]}]", ["customer: is miss"]),
    "nothing said": ('conversations: [{name: a, turns: [""]}]', ["turns.0: is missing"]),
    "true as words": ("conversations: [{name: a, turns: [true]}]", ["put it in quotes"]),
    "an odd wait": ("conversations: [{name: a, turns: [{customer: x, wait: soon}]}]", ["10m, 2h"]),
    "a voice and a text": (
        "conversations: [{name: a, turns: [{customer: {voice: x, text: y}}]}]",
        ["customer: is a voice note"],
    ),
    "said in two ways": (
        "conversations: [{name: a, turns: [{customer: x, voice: y}]}]",
        ["voice: stands beside `customer`"],
    ),
    "a picture from elsewhere": (
        "conversations: [{name: a, turns: [{image: ../passwd}, {image: /a}, {image: 'C:a'}]}]",
        ["turns.0.image: must be a picture", "turns.1.image", "turns.2.image"],
    ),
    "odd heads": (
        "prompt: ../x\nline: a b\nnow: 2026-02-30 10:00\nrepeat: 0\npass_rate: 2\n"
        "bot_answers: sometimes\nhours: {mo: closed, tue: nine}\n"
        "conversations: [{name: a, turns: [x]}]",
        [
            "1:9: prompt: must be a prompt's name",
            "2:7: line: must be",
            "3:6: now: must be a day and a time",
            "4:9: repeat: must be a whole number from 1 to 100",
            "5:12: pass_rate: must be a share",
            "6:14: bot_answers: must be one of",
            "7:9: hours.mo: no such key; did you mean `mon`?",
            "7:26: hours.tue: must be `closed`",
        ],
    ),
    "expecting a text": (
        "conversations: [{name: a, turns: [x], expect: x}]",
        ["expect: must be a group of keys"],
    ),
    "misspelt expectation": (_expecting("contain: x"), ["did you mean `contains`?"]),
    "nothing expected": (_expecting("contains: , judge: "), ["is empty", "is empty"]),
    "an empty list": (_expecting("contains: []"), ["must be a text, or a list"]),
    "perhaps": (_expecting("hands_off: perhaps"), ["must be `yes` or `no`"]),
    "a flag as number": (_expecting("opted_out: 1"), ["must be `yes` or `no`"]),
    "a language by name": (_expecting("language: Spanish"), ["must be one of ar, ca, de"]),
    "half a character": (_expecting("max_length: 1.5"), ["must be a whole number"]),
    "endless cost": (_expecting("max_cost: .inf"), ["must be an amount"]),
    "no number": (_expecting("pass: x, max_cost: much"), ["no such key", "must be an amount"]),
    "a broken pattern": (_expecting("matches: '('"), ["no regular expression"]),
    "looking around": (_expecting("matches: '(?=a)'"), ["write it without"]),
    "a pattern that explodes": (_expecting("matches: '(a{1000}){1000}'"), ["grows too large"]),
    "a long pattern": (_expecting(f"matches: '{'a' * 600}'"), ["shorten it"]),
    "a judge without words": (_expecting("judge: {times: 3}"), ["criterion: is missing"]),
    "a judge asked for ever": (_expecting("judge: {criterion: x, times: 99}"), ["from 1 to 21"]),
    "long words": (_expecting(f"contains: {'a' * 20_000}"), ["at most 10000 characters"]),
    "many": (
        "conversations: [" + ", ".join(["{name: a, turns: [x]}"] * 301) + "]",
        ["conversations: at most 300"],
    ),
    "deep": ("conversations: " + "[" * 50 + "]" * 50, ["nested deeper"]),
}


@pytest.mark.parametrize("name", BAD_FILES)
def test_a_fault_is_named_with_its_place(name: str) -> None:
    source, expected = BAD_FILES[name]
    found_faults = _faults(source)
    assert len(found_faults) == len(expected), found_faults
    for fault, part in zip(found_faults, expected, strict=True):
        assert part in fault
        assert re.match(r"\d+:\d+: ", fault)
        assert len(fault) < 400


def test_all_files_of_a_folder_are_read_and_all_faults_told(tmp_path: Path) -> None:
    picture = tmp_path / "cake.png"
    picture.write_bytes(photos.photo_png())
    (tmp_path / "outside.png").symlink_to("/etc/hostname")
    good = "conversations: [{name: a, turns: [{image: cake.png}]}]"
    (tmp_path / "a.yaml").write_text(good)
    (tmp_path / "notes.txt").write_text("no test")
    (suite,) = load_suites([tmp_path, tmp_path / "a.yaml"])
    assert (suite.prompts, suite.folder) == (("a",), str(tmp_path))
    (tmp_path / "b.yaml").write_text(good.replace("cake", "tart"))
    (tmp_path / "c.yaml").write_text(good.replace("cake", "outside"))
    (tmp_path / "d.yaml").write_bytes(b"\xff\xfe")
    (tmp_path / "e.yaml").mkdir()
    with pytest.raises(SettingsError) as caught:
        load_suites([tmp_path])
    told = "\n".join(map(str, caught.value.faults))
    assert "b.yaml:1:43: conversations.0.turns.0.image: no such picture tart.png" in told
    assert "c.yaml:1:43" in told
    assert "d.yaml:1:1: not UTF-8" in told
    assert "e.yaml: no such file" in told


def test_the_schema_knows_every_key_and_no_other() -> None:
    schema = json.loads((ROOT / "prompts" / "tests" / "test.schema.json").read_text())
    parts = schema["$defs"]
    objects: list[tuple[Any, tuple[str, ...]]] = [
        (schema, reading.FILE_KEYS),
        (parts["conversation"], reading.CONVERSATION_KEYS),
        (parts["turn"]["oneOf"][1], reading.STEP_KEYS),
        (parts["message"], reading.MESSAGE_KEYS),
        (parts["customer"], reading.CUSTOMER_KEYS),
        (parts["expect"], reading.EXPECT_KEYS),
        (parts["criterion"]["oneOf"][1], reading.JUDGE_KEYS),
    ]
    for part, keys in objects:
        assert set(part["properties"]) == set(keys)
        assert part["additionalProperties"] is False


def test_what_the_readme_shows_can_be_added_to_the_bakerys_tests() -> None:
    shown = (ROOT / "README.md").read_text().split("## Test what it says")[1]
    added = re.findall(r"```yaml\n(.*?)```", shown, re.DOTALL)[0]
    tests = ROOT / "prompts" / "tests"
    source = (tests / "default.yaml").read_text() + "\n" + added
    before, after = load_suites([tests])[0], parse_suite(source, "default.yaml")
    assert len(before.conversations) == 8
    assert after.conversations[:8] == before.conversations
    (step,) = after.conversations[8].customer  # type: ignore[misc]  # scripted
    assert [one.text for one in step.expectations] == ["contains: 3.80", "does_not_contain: 3.50"]
    table = (ROOT / "knowledge" / "prompts.md").read_text()
    keys = set(re.findall(r"`([a-z_]+)[:`]", table))
    assert set(Kind) - keys <= {Kind.MATCHES, Kind.MAX_COST}


# expectations

_TALK = Seen(
    (
        Heard("We are open from 8:00. Café 13.50 €", "We are open from 8:00. Café 13.50 €"),
        Heard("I am a machine.\n\nOne moment, ROSA comes.", "One moment, ROSA comes.", "asked"),
    )
)
_SILENT = Seen((Heard(reason="a person has it"),))
_COSTLY = Seen((Heard("a", "a", cost=0.01, model="m"), Heard("b", "b", cost=0.02, model="m")))
_UNPRICED = Seen((Heard("a", "a", cost=None, model="odd-model"),))


@pytest.mark.parametrize(
    ("seen", "kind", "wanted", "problem"),
    [
        (_TALK, "contains", ("rosa", "cafe", "OPEN FROM"), ""),
        (_TALK, "contains", ("rosa", "tarts"), "does not say `tarts`"),
        (_TALK, "contains", ("€",), ""),
        (_TALK, "contains", ("3.50",), "does not say"),
        (_TALK, "contains", ("13.5",), "does not say"),
        (_TALK, "contains_any", ("tarts", "8:00"), ""),
        (_TALK, "contains_any", ("tarts", "rolls"), "says none of `tarts`, `rolls`"),
        (_TALK, "does_not_contain", ("tarts",), ""),
        (_TALK, "never_says", ("tarts", "MACHINE"), "says `MACHINE`"),
        (_TALK, "matches", (r"\d+\.\d\d €", "^one moment"), ""),
        (_TALK, "matches", (r"\d{5}",), "nothing matches"),
        (_TALK, "hands_off", True, ""),
        (_TALK, "hands_off", False, "hands over to a person: asked"),
        (_SILENT, "hands_off", True, "does not hand over"),
        (_TALK, "language", "en", ""),
        (_TALK, "language", "es", "speaks en"),
        (_SILENT, "language", "en", "says nothing"),
        (_COSTLY, "language", "en", "can't be told"),
        (_TALK, "max_length", 35, ""),
        (_TALK, "max_length", 34, "35 characters"),
        (_COSTLY, "max_cost", 0.03, ""),
        (_COSTLY, "max_cost", 0.02, "costs 0.03"),
        (_UNPRICED, "max_cost", 1.0, "set a price for odd-model"),
        (_TALK, "says_exactly", "One moment,\nROSA comes.", ""),
        (_TALK, "says_exactly", "I am a machine. One moment, ROSA comes.", ""),
        (_TALK, "says_exactly", "One moment", "says: I am"),
        (_SILENT, "says_nothing", True, ""),
        (_SILENT, "says_nothing", False, "says nothing (a person has it)"),
        (_TALK, "says_nothing", True, "says: I am a machine"),
        (_TALK, "opted_out", False, ""),
        (_TALK, "opted_out", True, "not opted out"),
        (Seen((), opted_out=True), "opted_out", False, "is opted out"),
    ],
)
def test_what_is_said_is_compared_with_what_is_expected(
    seen: Seen, kind: str, wanted: Any, problem: str
) -> None:
    told = problem_of(Expectation(Kind(kind), wanted), seen)
    assert (told == "") == (problem == "")
    assert problem in told


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("Yes, we are open until 18:00 today.", "en"),
        ("Sí, abrimos hasta las 18:00. La hogaza cuesta 4,20 euros.", "es"),
        ("Sim, estamos abertos até às 18h. O pão custa 4,20 euros.", "pt"),
        ("Oui, nous sommes ouverts jusqu'à 18 heures.", "fr"),
        ("Ja, wir haben heute bis 18 Uhr geöffnet.", "de"),
        ("Sì, siamo aperti fino alle 18. Il pane costa 4,20 euro.", "it"),
        ("Ja, we zijn vandaag tot 18 uur open. Een brood kost 4,20.", "nl"),
        ("Сегодня мы открыты до 18 часов.", "ru"),
        ("Сьогодні ми відкриті до 18 години, її немає.", "uk"),
        ("نحن مفتوحون حتى السادسة", "ar"),
        ("今日は18時まで開いています。", "ja"),
        ("我们今天营业到18点。", "zh"),
        ("오늘은 18시까지 엽니다.", "ko"),
    ],
)
def test_the_language_of_a_reply_is_told(text: str, code: str) -> None:
    assert languages_of(text) == {code}


def test_without_words_there_is_no_language() -> None:
    assert languages_of("4.20 🙂 https://example.org/the/and") == frozenset()


def test_no_pattern_can_hang_the_run() -> None:
    text = "a" * 20_000 + "!"
    for pattern in ("(a+)+$", "(a|aa)+$", "(.*.*.*)*x$", "([a-z]+)*=$"):
        check_pattern(pattern)
        assert not found(pattern, text)
    with pytest.raises(BadPattern, match="no regular expression"):
        check_pattern("a)|(b")
    assert found("ÉTÉ", "un été\nlong")


# the judge's words


@pytest.mark.parametrize(
    ("said", "passed"),
    [
        ('{"reason": "so it is", "verdict": "yes"}', True),
        ('```json\n{"verdict": "no", "reason": "x"}\n```', False),
        ('{"verdict": "yes"}', True),
        ("yes", None),
        ('He said {"verdict": "yes"}', None),
        ('{"verdict": "yes"} {"verdict": "no"}', None),
        ('[{"verdict": "yes"}]', None),
        ('{"verdict": true}', None),
        ('{"verdict": ["yes"]}', None),
        ("[" * 100_000, None),
        ("", None),
    ],
)
def test_a_verdict_is_the_whole_answer_or_none(said: str, passed: bool | None) -> None:
    vote = read_verdict(said)
    assert (None if vote is None else vote.passed) is passed


def test_a_judges_reason_is_one_short_line() -> None:
    vote = read_verdict(json.dumps({"verdict": "no", "reason": "a\x1b[31m\nb\u202e" + "x" * 9999}))
    assert vote is not None
    assert vote.reason.isprintable()
    assert len(vote.reason) == 500


# what is remembered


def _request(text: str = "hi", **more: Any) -> ChatRequest:
    return ChatRequest((ChatMessage("system", "be kind"), ChatMessage("user", text)), **more)


def test_an_answer_is_remembered_under_all_that_went_into_the_question(tmp_path: Path) -> None:
    cache = Cache(tmp_path, {"model": "m", "temperature": 0})
    key = cache.key(_request(), "0")
    picture = ChatRequest((ChatMessage("user", ("look", Picture("k", b"one"))),))
    other = ChatRequest((ChatMessage("user", ("look", Picture("k", b"two"))),))
    keys = {
        key,
        cache.key(_request("ho"), "0"),
        cache.key(_request(), "1"),
        cache.key(_request(model="n"), "0"),
        cache.key(_request(hand_off_when="asked"), "0"),
        Cache(tmp_path, {"model": "m", "temperature": 1}).key(_request(), "0"),
        cache.key(picture, "0"),
        cache.key(other, "0"),
    }
    assert len(keys) == 8
    answer = Completion("yes\0\ud800", Usage("m", 1, None, 5), HandOffCall("a", "b"))
    cache.put(key, answer)
    assert cache.get(key) == answer
    (kept,) = tmp_path.glob("*/*")
    assert kept.stat().st_mode & 0o777 == 0o600
    for broken in (b"", b"[]", b'{"text": 1}', b"\xff", b"[" * 100_000):
        kept.write_bytes(broken)
        assert cache.get(key) is None


# reports

_NASTY = "a\x00\x08\x1b[31m\ufffe\ud800]]> & <script>alert(1)</script> \u202e é"


def _nasty_results() -> Results:
    checks = (Check(_NASTY, False, _NASTY, 1, 7), Check("contains: x", True, "", None))
    talk = (Talk("customer", _NASTY), Talk("bot", "y" * 100_000), Talk("note", _NASTY))
    failed = Playing(Status.FAILED, talk, checks)
    not_run = Playing(Status.NOT_RUN, trouble=_NASTY)
    return Results(
        (
            Result(_NASTY, "prompts/tests/a.yaml", 3, "default", (failed, failed)),
            Result("b", "prompts/tests/a.yaml", 9, "default", (not_run,)),
            Result("c", "prompts/tests/b.yaml", 1, "cakes", (Playing(Status.PASSED),)),
        ),
        spent=None,
        stopped=_NASTY,
    )


def test_junit_is_well_formed_whatever_was_said() -> None:
    root = ElementTree.fromstring(junit_xml(_nasty_results()))  # noqa: S314 - our own
    assert root.attrib == {"tests": "3", "failures": "1", "errors": "1"}
    assert [suite.get("name") for suite in root] == [
        "prompts/tests/a.yaml (default)",
        "prompts/tests/b.yaml (cakes)",
    ]
    failure = root.find(".//failure")
    assert failure is not None
    assert "0 of 2 passed. turn 1" in failure.attrib["message"]
    assert "<script>alert(1)</script>" in str(failure.text)
    assert len(root.findall(".//error")) == 1


def test_the_page_shows_conversations_and_runs_nothing() -> None:
    page = html_report(_nasty_results(), datetime(2026, 3, 1, tzinfo=UTC))
    assert "<script" not in page
    assert "&lt;script&gt;" in page
    assert "\0" not in page
    assert "default-src 'none'" in page
    assert "http" not in page.replace("http-equiv", "")
    assert len(page.encode()) < 120_000


@pytest.mark.parametrize(
    ("states", "rate", "status"),
    [
        ("PPPPF", 0.8, Status.PASSED),
        ("PPPFF", 0.8, Status.FAILED),
        ("PPPPN", 0.8, Status.PASSED),
        ("PPPFN", 0.8, Status.NOT_RUN),
        ("FFNNN", 0.8, Status.FAILED),
        ("N", 1.0, Status.NOT_RUN),
        ("PPP", 1.0, Status.PASSED),
    ],
)
def test_enough_has_to_pass(states: str, rate: float, status: Status) -> None:
    named = {"P": Status.PASSED, "F": Status.FAILED, "N": Status.NOT_RUN}
    playings = tuple(Playing(named[state]) for state in states)
    assert Result("a", "f", 1, "p", playings, rate).status is status


def test_a_voice_note_without_words_is_one_that_nobody_understood() -> None:
    said: Said = voice_note("")
    assert said.media is not None
    assert said.media.reading.text == ""
