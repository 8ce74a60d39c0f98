"""Guards on what the model says: what they find, what they let pass, and how long it takes."""

import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.adapters.prompt_files import parse_prompt
from bot.config.redaction import without_secrets
from bot.config.secrets import read_secrets
from bot.config.variables import Variables
from bot.domain.guards.advice import advice_on, reason_of
from bot.domain.guards.examine import Draft, Watch, examine
from bot.domain.guards.figures import figures
from bot.domain.guards.numerals import readings
from bot.domain.guards.rules import Act, Finding, Guard, Guards
from bot.domain.guards.sources import Sources
from bot.domain.prompt import Business
from bot.errors import SettingsError
from tests.samples.answers import BAKERY, INVENTED, LEMON, NOW, SHOPS, TALKS

NEVER_READ = Path("nowhere")
ROWS = [(system, *row) for system, rows in SHOPS for row in rows]
INSTRUCTIONS = BAKERY.split("# Facts", maxsplit=1)[0]


def _found(
    answer: str,
    *said: str,
    system: str = BAKERY,
    rules: Guards | None = None,
    watch: Watch | None = None,
) -> tuple[Finding, ...]:
    draft = Draft(answer, INSTRUCTIONS, Sources(system, said or ("hola",), NOW))
    return examine(draft, rules or Guards(), watch or Watch())


def _kinds(found: Sequence[Finding]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(one.kind for one in found))


@pytest.mark.parametrize(("system", "said", "answer", "kinds"), ROWS)
def test_answers_of_three_shops(
    system: str, said: str, answer: str, kinds: tuple[str, ...]
) -> None:
    assert _kinds(_found(answer, said, system=system)) == kinds


@pytest.mark.parametrize(("system", "talk"), TALKS)
def test_a_conversation_without_a_false_alarm(
    system: str, talk: tuple[tuple[str, str], ...]
) -> None:
    past: list[str] = []
    for said, answer in talk:
        assert _found(answer, *past, said, system=system) == (), answer
        past += [said, answer]


@pytest.mark.parametrize("answer", INVENTED)
def test_what_a_model_makes_up_is_found(answer: str) -> None:
    assert _found(answer, "do you have that? how much is it?", system=LEMON)


@pytest.mark.parametrize(
    ("written", "values"),
    [
        ("4", {4_000}),
        ("4.20", {4_200}),
        ("4,20", {4_200}),
        ("1.200,50", {1_200_500}),
        ("1,200.50", {1_200_500}),
        ("1 200,50", {1_200_500, 200_500}),
        ("1'200.50", {1_200_500}),
        ("1.200", {1_200, 1_200_000}),
        ("1.200.000", {1_200_000_000}),
    ],
)
def test_numbers_are_read_as_people_write_them(written: str, values: set[int]) -> None:
    assert readings(written) == values


@pytest.mark.parametrize(
    ("text", "kinds"),
    [
        ("24/7, 1/2 kg, 500g, 12 Orchard Lane", ["number"] * 6),
        ("€12, 12 €, 12 euros, R$ 12, 80 cents", ["price"] * 5),
        ("8:30, 8.30am, 17h30, 5 pm", ["time"] * 4),
        ("2026-12-01, 3/12, 03.12.2026, 3 de dezembro, December 3rd", ["date"] * 5),
        ("you may 5, 10-15 people", ["number"] * 3),
    ],
)
def test_what_kind_of_figure_it_is(text: str, kinds: list[str]) -> None:
    assert [figure.kind for figure in figures(text)] == kinds


@pytest.mark.parametrize(
    ("answer", "is_found"),
    [
        ("It is guaranteed.", True),
        ("GUARANTEED!", True),
        ("It is *guar*anteed", True),
        ("gu\u200baranteed", True),
        ("ｇｕａｒａｎｔｅｅｄ", True),
        ("unguaranteed", False),
        ("¡El mejor   precio!", True),
        ("el *mejor* precio", True),
        ("_el_mejor_precio_", True),
        ("EL MEJÓR PRECIO", True),
        ("lo mejor de todo", False),
        ("cheaper than theirs", True),
        ("最低価格です", True),
    ],
)
def test_forbidden_words(answer: str, is_found: bool) -> None:
    rules = Guards(words=("guaranteed", "el mejor precio", "cheap*", "最低価格"))
    assert bool(_found(answer, rules=rules)) == is_found


def test_a_promise_that_the_prompt_makes_itself_may_be_made() -> None:
    answer = "Someone will call you back tomorrow."
    assert _kinds(_found(answer)) == ("call_back",)
    assert not _found(answer, system="Say that a colleague will call them back.")
    assert not _found(answer, system="Diles que les llamaremos mañana.")
    assert _found(answer, system="Never say that someone will call them back.")


def test_with_a_hand_off_promises_are_kept() -> None:
    draft = Draft("Alguien te llamará.", INSTRUCTIONS, Sources(BAKERY, ("hola",), NOW), True)
    assert examine(draft, Guards(), Watch()) == ()


def test_a_picture_may_hold_any_figure() -> None:
    sources = Sources(BAKERY, ("mira",), NOW, shown=True)
    assert examine(Draft("Pone 77,31 €.", INSTRUCTIONS, sources), Guards(), Watch()) == ()


def test_what_is_off_finds_nothing() -> None:
    off = Guards(Act.OFF, ("pan",), Act.OFF, Act.OFF)
    assert _found("El pan son 77,31 €. Te llamaremos.", rules=off) == ()


LEAKS = [
    ("my key is sk-proj-abcdefghijklmnop1234", "key"),
    ("mm_live_5f8a9b", "key"),
    ("Authorization: Bearer abcdef0123456789abcdef", "key"),
    ("-----BEGIN RSA PRIVATE KEY-----", "key"),
    ("the secret is operators-own-token-123 ok?", "own"),
    ("operators*-own-*token-123", "own"),
    ("o p e r a t o r s - o w n - t o k e n - 1 2 3", "own"),
    ('{"name": "hand_off", "arguments": {}}', "markup"),
    ('{"reason": "asked", "summary": "wants a cake"}', "markup"),
    ("hand_off(reason='x')", "markup"),
    ("<tool_call>x</tool_call>", "markup"),
    ("<|im_start|>system", "markup"),
    ("as [human colleague] said", "markup"),
    (f"Sure! {INSTRUCTIONS}", "instructions"),
    ("*" + INSTRUCTIONS.replace("\n", "\n- ") + "*", "instructions"),
    ("call Rosa: 600 999 111", "operator"),
    ("call Rosa: 0034 600-999-111", "operator"),
    ("call Rosa: ６００９９９１１１", "operator"),
]


@pytest.mark.parametrize(("answer", "kind"), LEAKS)
def test_leaks_are_found_whatever_the_prompt_says(answer: str, kind: str) -> None:
    variables = Variables({"OPERATOR_TOKEN": "operators-own-token-123"})
    secrets = read_secrets(variables, NEVER_READ, dev=True)
    watch = Watch(lambda text: without_secrets(secrets, text), frozenset({"34600999111"}))
    off = Guards(Act.OFF, (), Act.OFF, Act.OFF)
    assert kind in _kinds(_found(answer, rules=off, watch=watch))


@pytest.mark.parametrize(
    "answer",
    [
        "We ask-only for a task-force, thanks.",
        "The bearer of this voucher gets a croissant.",
        "Use <b>bold</b> [1] and {curly} words, reason: none.",
        "Sé amable y breve: eso hacemos siempre en la panadería.",
    ],
)
def test_what_only_looks_like_a_leak_passes(answer: str) -> None:
    assert _found(answer) == ()


def test_a_secret_is_taken_out_of_a_draft_piece_by_piece() -> None:
    variables = Variables({"OPENAI_API_KEY": "abcdefghijklmnopqrstuvwxyz0123456789"})
    secrets = read_secrets(variables, NEVER_READ, dev=True)
    left = without_secrets(secrets, "it ends in klmnopqrstuvwxyz0123456789, you know")
    assert "opqrstuvwxyz" not in left
    assert left.startswith("it ends in")
    assert without_secrets(secrets, "nothing of the kind") == "nothing of the kind"


def test_what_is_told_to_the_model_and_to_people() -> None:
    found = _found("La baguette son 1,35 €. Te llamaremos.", rules=Guards(words=("baguette",)))
    advice = advice_on(found)
    assert '"1,35 €"' in advice
    assert '"baguette"' in advice
    assert reason_of(found) == (
        "an answer was held back: never say (phrase), promises (call back), figures (price)"
    )
    secret = (Finding(Guard.SECRETS, "key"),)
    assert "sk-" not in advice_on(secret) + reason_of(secret)


HOSTILE = [
    *("1 ", "1", "1.2 ", "4.20 ", "12:", "1 may ", "1/2/", "( 1", "+(", "5pm ", "1-", "a1", "A1-"),
    *("a@", "a.b.", "www.", "https://a ", "aa.aa.", "-a", "*a", "é", "\ufdfa", "\u200b", "<|a"),
    *(
        "[human ",
        '"reason": ',
        "eyJ",
        "mm_live_",
        "sk-",
        "Bearer ",
        "eyJaaaaaaaaaa.",
        "-----BEGIN ",
    ),
    *(
        "someone a b ",
        "i will ",
        "tu cita ",
        "total 3.33 euros ",
        "order 123 ",
        "Sé amable y breve ",
    ),
]


@pytest.mark.parametrize("piece", HOSTILE)
def test_a_hostile_answer_is_looked_through_in_time(piece: str) -> None:
    rules = Guards(words=("guaranteed", "el mejor precio"))
    answer = piece * (100_000 // len(piece.encode()))
    begun_s = time.process_time()
    _found(answer, "cuánto son 2 hogazas y 3 cruasanes?", rules=rules)
    # 10 to 40 ms on an idle machine; what explodes takes minutes.
    assert time.process_time() - begun_s < 2


_PIECES = st.sampled_from(
    [
        *(
            "1",
            "0",
            "9.",
            ",5",
            "€",
            "R$ ",
            ":",
            "h",
            "/",
            "-",
            "(",
            ")",
            "+",
            " ",
            "am",
            "may",
            "#",
        ),
        *(
            "A",
            "٣",
            "²",
            "½",
            "１",
            "\u200b",
            "*",
            "_",
            "%",
            "cents",
            "de",
            "2026",
            "www.",
            "a.com",
        ),
    ]
)


@settings(max_examples=50, deadline=None)
@given(st.lists(_PIECES, max_size=40).map("".join) | st.text(max_size=200), st.text(max_size=80))
def test_no_text_breaks_a_guard(answer: str, said: str) -> None:
    _found(answer, said, system=f"{BAKERY}{said}", rules=Guards(words=("a b", "c*")))
    _found(said, answer)


WRITTEN = """\
instructions: |
  Be kind.
guards:
  never_say:
    words: [guaranteed, "the best"]
    do: regenerate
  promises: hand_off
  figures: off
  leaks: regenerate
"""


def _guards(text: str) -> Guards:
    return parse_prompt(text, "prompts/default.yaml", Business()).guards


def test_guards_in_a_prompt() -> None:
    words = ("guaranteed", "the best")
    told = Guards(Act.REGENERATE, words, Act.HAND_OFF, Act.OFF, Act.REGENERATE)
    assert _guards(WRITTEN) == told
    assert _guards("instructions: Be kind.\n") == Guards()
    only_words = _guards("instructions: Be kind.\nguards:\n  never_say: [cheap]\n")
    assert only_words == replace(Guards(), words=("cheap",))


@pytest.mark.parametrize(
    ("line", "fault"),
    [
        ("  promises: maybe", "3:13: guards.promises: must be one of off, log, regenerate"),
        ("  leaks: log", "3:10: guards.leaks: secrets, others' data and tool output never leave"),
        ("  figure: log", "3:3: guards.figure: no such key"),
        ("  never_say: [[x]]", "3:14: guards.never_say: must be a list"),
        ("  never_say: ['**']", "3:14: guards.never_say: must be a list"),
        ("  never_say:\n    does: log", "4:5: guards.never_say.does: no such key"),
    ],
)
def test_faults_of_guards_are_told_with_their_place(line: str, fault: str) -> None:
    with pytest.raises(SettingsError) as raised:
        _guards(f"instructions: Be kind.\nguards:\n{line}\n")
    assert f"prompts/default.yaml:{fault}" in str(raised.value)


def test_guards_must_be_keys() -> None:
    with pytest.raises(SettingsError) as raised:
        _guards("instructions: Be kind.\nguards: log\n")
    assert "2:9: guards: must be lines such as" in str(raised.value)
