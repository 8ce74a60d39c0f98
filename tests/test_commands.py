"""What operators write to the line, and what the bot makes of it."""

import re
from datetime import timedelta

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from bot.domain.command_help import HELP
from bot.domain.commands import (
    Attend,
    Command,
    Help,
    Misunderstood,
    Mute,
    PauseAll,
    PauseOne,
    ResumeAll,
    ResumeOne,
    Target,
    Unmute,
    Who,
    Write,
    read_command,
)

THREE = Target(number=3)
QUOTED = Target(number=5)
ANA = Target(address="+34600111222")
TWO_HOURS = timedelta(hours=2)
HALF_PAST = timedelta(minutes=90)
TEN_MINUTES = timedelta(minutes=10)

UNDERSTOOD: list[tuple[str, int | None, Command]] = [
    # plain words
    ("", None, Help()),
    ("", 5, Help()),
    (" \n\u200b\u2060 \x00", 5, Help()),
    ("hello", None, Help()),
    ("pause all", None, Help()),
    ("3 hello", None, Help()),
    ("hello", 5, Write(QUOTED, "hello")),
    ("  We are #1!\n\n Come in \n", 5, Write(QUOTED, "We are #1!\n\n Come in")),
    ("pause all", 5, Write(QUOTED, "pause all")),
    ("- one\n- two", 5, Write(QUOTED, "- one\n- two")),
    # words for a conversation by its number
    ("#3 hello", None, Write(THREE, "hello")),
    ("#3 hello", 5, Write(THREE, "hello")),
    ("  #3   hello  ", None, Write(THREE, "hello")),
    ("# 3 hello", None, Write(THREE, "hello")),
    ("#\n3 hello", None, Write(THREE, "hello")),
    ("＃3 hello", None, Write(THREE, "hello")),
    ("﹟3\u3000hello", None, Write(THREE, "hello")),
    ("##3 hello", None, Write(THREE, "hello")),
    ("#03 hello", None, Write(THREE, "hello")),
    ("#3\u00a0hello", None, Write(THREE, "hello")),
    ("\u200e#\u20683\u2069 hello", None, Write(THREE, "hello")),
    ("#999999999 hello", None, Write(Target(number=999999999), "hello")),
    ("#3 one\ntwo\n\n  three  \r\nfour\n", None, Write(THREE, "one\ntwo\n\n  three  \r\nfour")),
    ("#3\nhello\nyou", None, Write(THREE, "hello\nyou")),
    ("#3: hello", None, Write(THREE, "hello")),
    ("#3:\nhello", None, Write(THREE, "hello")),
    ("#3 : hello", None, Write(THREE, "hello")),
    ("#3： hello", None, Write(THREE, "hello")),
    ("#3 - hello", None, Write(THREE, "hello")),
    ("#3- hello", None, Write(THREE, "hello")),
    ("#3 – hello", None, Write(THREE, "hello")),
    ("#3 — hello", None, Write(THREE, "hello")),
    ("#3. hello", None, Write(THREE, "hello")),
    ("#3 -5 degrees", None, Write(THREE, "-5 degrees")),
    ("#3 :) thanks", None, Write(THREE, ":) thanks")),
    ("#3: - hello", None, Write(THREE, "- hello")),
    ("#3\n- one\n- two", None, Write(THREE, "- one\n- two")),
    ("#3 ... well", None, Write(THREE, "... well")),
    ("#3 pause", None, Write(THREE, "pause")),
    ("#3 #1234 is your order", None, Write(THREE, "#1234 is your order")),
    ("#3 10 minutes, please", None, Write(THREE, "10 minutes, please")),
    ("#3 ＨＥＬＬＯ： ＃1", None, Write(THREE, "ＨＥＬＬＯ： ＃1")),
    (
        "#3 \U0001f468\u200d\U0001f469\u200d\U0001f467",
        5,
        Write(THREE, "\U0001f468‍\U0001f469‍\U0001f467"),
    ),
    # words for a phone number
    ("#+34600111222 hello", None, Write(ANA, "hello")),
    ("#+34600111222 hello", 5, Write(ANA, "hello")),
    ("# +34600111222: hello\nyou", None, Write(ANA, "hello\nyou")),
    ("#+34-600.111-222 - hello", None, Write(ANA, "hello")),
    ("#+34(600)111222 hello", None, Write(ANA, "hello")),
    ("＃＋34600111222 hello", None, Write(ANA, "hello")),
    ("#\u202a+34‑600‑111‑222\u202c hello", None, Write(ANA, "hello")),
    ("#+1234567 x", None, Write(Target(address="+1234567"), "x")),
    ("#+123456789012345 x", None, Write(Target(address="+123456789012345"), "x")),
    # who and help
    ("#who", None, Who()),
    (" # WHO ", 5, Who()),
    ("＃Who.", None, Who()),
    ("#who\u200b", None, Who()),
    ("# \u200b who \u200e", None, Who()),
    ("#help", None, Help()),
    ("#Help!", 5, Help()),
    ("#?", None, Help()),
    ("#？", None, Help()),
    # pause
    ("#pause 3", None, PauseOne(THREE, "default")),
    ("#pause #3", None, PauseOne(THREE, "default")),
    ("#Pause ＃3.", None, PauseOne(THREE, "default")),
    ("#PAUSE\n3", None, PauseOne(THREE, "default")),
    ("#pause: 3", None, PauseOne(THREE, "default")),
    ("#pause 3 2h", None, PauseOne(THREE, TWO_HOURS)),
    ("#pause #3 2h", None, PauseOne(THREE, TWO_HOURS)),
    ("#pause 3, 2h", None, PauseOne(THREE, TWO_HOURS)),
    ("#pause 3 2 Hours", None, PauseOne(THREE, TWO_HOURS)),
    ("#pause 3 for 2h.", None, PauseOne(THREE, TWO_HOURS)),
    ("#pause 3 1h 30 min.", None, PauseOne(THREE, HALF_PAST)),
    ("#pause 3 1,5h", None, PauseOne(THREE, HALF_PAST)),
    ("#pause 3 1，5h", None, PauseOne(THREE, HALF_PAST)),
    ("#pause 3 forever", None, PauseOne(THREE, None)),
    ("#pause 3 for forever", None, PauseOne(THREE, None)),
    ("#pause +34600111222", None, PauseOne(ANA, "default")),
    ("#pause +34600111222 2h", None, PauseOne(ANA, TWO_HOURS)),
    ("#pause #+34-600-111-222 for 2h", None, PauseOne(ANA, TWO_HOURS)),
    ("#pause", 5, PauseOne(QUOTED, "default")),
    ("#pause 2h", 5, PauseOne(QUOTED, TWO_HOURS)),
    ("#pause for 2h", 5, PauseOne(QUOTED, TWO_HOURS)),
    ("#pause 10 min", 5, PauseOne(QUOTED, TEN_MINUTES)),
    ("#pause forever", 5, PauseOne(QUOTED, None)),
    ("#pause 3", 5, PauseOne(THREE, "default")),
    ("#pause 3 10 min", 5, PauseOne(THREE, TEN_MINUTES)),
    ("#pause all", None, PauseAll("default")),
    ("#pause ALL", 5, PauseAll("default")),
    ("#pause all 2h", None, PauseAll(TWO_HOURS)),
    ("#pause all for 2h", None, PauseAll(TWO_HOURS)),
    ("#pause all forever", None, PauseAll(None)),
    # resume
    ("#resume 3", None, ResumeOne(THREE, answer=False)),
    ("#resume 3 Answer", None, ResumeOne(THREE, answer=True)),
    ("#resume +34600111222 answer", 5, ResumeOne(ANA, answer=True)),
    ("#resume", 5, ResumeOne(QUOTED, answer=False)),
    ("#resume answer", 5, ResumeOne(QUOTED, answer=True)),
    ("#resume 3", 5, ResumeOne(THREE, answer=False)),
    ("#resume all", None, ResumeAll(answer=False)),
    ("#resume all", 5, ResumeAll(answer=False)),
    ("#resume all answer.", None, ResumeAll(answer=True)),
    # mute
    ("#mute", None, Mute(None)),
    ("#mute", 5, Mute(None)),
    ("#mute forever", None, Mute(None)),
    ("#mute 2h", None, Mute(TWO_HOURS)),
    ("#mute for 10 min", 5, Mute(TEN_MINUTES)),
    ("#mute off", None, Unmute()),
    ("#unmute", None, Unmute()),
    ("#Unmute", 5, Unmute()),
    # done
    ("#done 3", None, Attend(THREE)),
    ("#DONE #3!", None, Attend(THREE)),
    ("#done +34600111222", None, Attend(ANA)),
    ("#done", 5, Attend(QUOTED)),
    ("#done 3", 5, Attend(THREE)),
]

MISUNDERSTOOD: list[tuple[str, int | None, str]] = [
    # nothing to send
    ("#", None, "#help"),
    ("#", 5, "#help"),
    ("# \u200b ", 5, "#help"),
    ("#3", None, "nothing to send after `#3`"),
    ("#3", 5, "nothing to send after `#3`"),
    ("#3 ", None, "nothing to send"),
    ("#3:", None, "nothing to send"),
    ("#3 -", None, "nothing to send"),
    ("#3 \u200b\u2060", None, "nothing to send"),
    ("#+34600111222", None, "nothing to send"),
    # no conversation
    ("#0 hello", None, "`#0` names no conversation"),
    ("#000 hello", 5, "`#000` names no conversation"),
    ("#-3 hello", None, "`#-3` names no conversation"),
    ("#- 3 hello", None, "names no conversation"),
    ("#٣ hello", None, "`#٣` names no conversation"),
    ("#３ hello", None, "`#３` names no conversation"),
    ("#³ hello", 5, "names no conversation"),
    ("#3hello", None, "a blank before the text, as in `#3 hello`"),
    ("#3:hello", None, "a blank before the text"),
    ("#3-4 hello", None, "`#3-4` names no conversation"),
    ("#3,4 hello", None, "`#3,4` names no conversation"),
    ("#3, 4 hello", None, "`#3,` names no conversation"),
    ("#1\x1b0 hello", None, "names no conversation"),
    ("#3.5 hello", None, "names no conversation"),
    ("#3? hello", None, "names no conversation"),
    ("#1234567890 hello", None, "begins with `+`"),
    ("#+34 600 111 222 hello", None, "has no blanks: `+34600111222`"),
    ("#+ 34600111222 hello", None, "has no blanks"),
    ("#+123456 hello", None, "names no conversation"),
    ("#+1234567890123456 hello", 5, "names no conversation"),
    ("#+34600x11222 hello", None, "names no conversation"),
    ("#+٣٤٦٠٠١١١٢٢٢ hello", None, "names no conversation"),
    ("#!", None, "`#!` names no conversation"),
    ("#\ud800", None, "#3 hello"),
    ("#" + "3" * 100_000, None, "names no conversation"),
    # no command
    ("#paus 3", None, "did you mean `#pause`?"),
    ("#Pasue 3", 5, "did you mean `#pause`?"),
    ("#pause3", None, "did you mean `#pause`?"),
    ("#pau\u200bse 3", None, "did you mean `#pause`?"),
    ("#pause-3", None, "did you mean `#pause`?"),
    ("#un mute", None, "did you mean `#unmute`?"),
    ("#hepl", None, "did you mean `#help`?"),
    ("#paus", None, "Write `#help`"),
    ("#all hello", None, "is no command"),
    ("#xyzzy", None, "known: #help, #who, #pause, #resume, #done, #mute, #unmute. Write `#help`"),
    ("#hello there", 5, "is no command"),
    ("#`*x*`", None, "`#'*x*'` names no conversation"),
    ("#" + "pause" * 100_000, None, "is no command"),
    # pause
    ("#pause", None, "`#pause` alone does not say which conversation"),
    ("#pause 2h", None, "`2h` does not say which conversation"),
    ("#pause 3h", None, "Write `#pause 3`, `#pause 3 2h` or `#pause all`"),
    ("#pause 10 min", None, "`10 min` does not say which conversation"),
    ("#pause for 2h", None, "does not say which conversation"),
    ("#pause forever", None, "does not say which conversation"),
    ("#pause three", None, "`three` does not say which conversation"),
    ("#pause three", 5, "`three` is not understood as a time"),
    ("#pause 0", None, "`0` does not say which conversation"),
    ("#pause 0", 5, "`0` is not understood as a time"),
    ("#pause -3", None, "`-3` does not say which conversation"),
    ("#pause -3", 5, "`-3` is not understood as a time"),
    ("#pause 1\u200b0", None, "does not say which conversation"),
    ("#pause ٣", None, "does not say which conversation"),
    ("#pause everybody", None, "`#pause all`"),
    ("#pause 3 2", None, "`2` is not understood as a time: give a time such as 30s, 10m, 2h"),
    ("#pause 3 4", 5, "`4` is not understood as a time"),
    ("#pause 3 soon", None, "`soon` is not understood as a time"),
    ("#pause 3 for", None, "`for` is not understood as a time"),
    ("#pause for", 5, "`for` is not understood as a time"),
    ("#pause 3 default", None, "`default` is not understood as a time"),
    ("#pause 3 0h", None, "more than nothing"),
    ("#pause 3 9999d", None, "at most ten years"),
    ("#pause 3 2h please", None, "`2h please` is not understood as a time"),
    ("#pause 3 all", None, "`all` is not understood as a time"),
    ("#pause 3 #4", None, "`#4` is not understood as a time"),
    ("#pause 3\n#pause 4", None, "is not understood as a time"),
    ("#pause 2h 3", None, "does not say which conversation"),
    ("#pause 2h 3", 5, "is not understood as a time"),
    ("#pause all 3", None, "`3` is not understood as a time"),
    ("#pause all but 3", None, "`but 3` is not understood as a time"),
    ("#pause +34 600 111 222", None, "has no blanks: `+34600111222`"),
    ("#pause 34600111222", None, "begins with `+`"),
    ("#pause +34600111222 333", None, "`333` is not understood as a time"),
    ("#pause " + "3 " * 100_000, None, "is not understood as a time"),
    # resume
    ("#resume", None, "`#resume` alone does not say which conversation"),
    ("#resume answer", None, "`answer` does not say which conversation"),
    ("#resume 3 answers", None, "Write only `#resume 3` or `#resume 3 answer`"),
    ("#resume 3 answer now", None, "`answer now` is not understood"),
    ("#resume 3 2h", None, "`2h` is not understood"),
    ("#resume answer 3", None, "does not say which conversation"),
    ("#resume answer 3", 5, "`answer 3` is not understood"),
    ("#resume all 3", None, "Write only `#resume all` or `#resume all answer`"),
    ("#resume everybody", 5, "`everybody` is not understood"),
    # the others
    ("#mute 3", None, "`3` is not understood as a time"),
    ("#mute on", None, "`on` is not understood as a time"),
    ("#mute off now", None, "`off now` is not understood as a time"),
    ("#mute #3", 5, "`#3` is not understood as a time"),
    ("#unmute 3", None, "Write only `#unmute`"),
    ("#who is there", None, "`is there` is not understood"),
    ("#help pause", None, "Write only `#help`"),
    ("#? 3", None, "Write only `#help`"),
    ("#done", None, "`#done` alone does not say which conversation"),
    ("#done all", None, "Write `#done 3`, or reply to a notice"),
    ("#done all", 5, "`all` is not understood"),
    ("#done 3 4", None, "Write only `#done 3`"),
    ("#done 3 thanks", 5, "`thanks` is not understood"),
    ("#done 10 min", 5, "`10 min` is not understood"),
]

CHARACTERS = st.characters(exclude_categories=())
ANY_TEXT = st.text(CHARACTERS)
_PIECES = (
    *("#", "＃", "3", "#3", "0", "-3", "٣", "+34600111222", "+34", "(", "all", "who", "help", "?"),
    *(
        "pause",
        "PAUSE",
        "resume",
        "answer",
        "mute",
        "unmute",
        "off",
        "done",
        "for",
        "2h",
        "2",
        "min",
    ),
    *(
        "forever",
        ":",
        "-",
        ".",
        " ",
        "\n",
        "\u00a0",
        "\u200b",
        "\x00",
        "\ud800",
        "hello",
        "#pause ",
    ),
)
LIKELY_TEXT = st.lists(st.sampled_from(_PIECES), max_size=10).map("".join)
TEXTS = ANY_TEXT | LIKELY_TEXT | ANY_TEXT.map("#{}".format)
QUOTES = st.none() | st.integers(1, 999)


@pytest.mark.parametrize(
    ("text", "quoted", "command"), UNDERSTOOD, ids=[ascii(text[:30]) for text, *_ in UNDERSTOOD]
)
def test_what_an_operator_means_is_understood(
    text: str, quoted: int | None, command: Command
) -> None:
    assert read_command(text, quoted) == command


@pytest.mark.parametrize(
    ("text", "quoted", "told"),
    MISUNDERSTOOD,
    ids=[ascii(text[:30]) for text, *_ in MISUNDERSTOOD],
)
def test_what_is_not_understood_is_not_done_and_the_operator_told_why(
    text: str, quoted: int | None, told: str
) -> None:
    command = read_command(text, quoted)
    assert isinstance(command, Misunderstood)
    assert told in command.why


@given(TEXTS, QUOTES)
@example("#" * 100_000, None)
@example("#3" + " " * 100_000, None)
@example("\u200b" * 100_000 + "#pause" + "\u200b" * 100_000, 5)
@example("#" + ":-" * 100_000, None)
@example("#pause " + "9h" * 100_000, None)
def test_whatever_is_written_is_answered_in_a_line_or_two(text: str, quoted: int | None) -> None:
    command = read_command(text, quoted)
    if isinstance(command, Misunderstood):
        assert len(command.why) < 300
        assert command.why.isprintable()
        assert command.why.count("`") % 2 == 0


@given(ANY_TEXT | LIKELY_TEXT)
def test_the_customer_gets_the_words_as_they_were_written(words: str) -> None:
    quoting, addressed = read_command(words, 5), read_command(f"#3: {words}", 5)
    if isinstance(quoting, Write) and quoting.target == QUOTED:
        assert quoting.text == words.strip()
    if isinstance(addressed, Write):
        assert addressed == Write(THREE, words.strip())
    else:
        assert isinstance(addressed, Misunderstood)
        assert not any(character.isalnum() for character in words)


@given(TEXTS, QUOTES)
def test_words_are_never_taken_from_elsewhere_than_the_end(text: str, quoted: int | None) -> None:
    command = read_command(text, quoted)
    if isinstance(command, Write):
        assert command.text
        assert text.rstrip().endswith(command.text)


@given(TEXTS, QUOTES)
def test_nobody_silences_or_wakes_the_whole_bot_without_saying_all(
    text: str, quoted: int | None
) -> None:
    if isinstance(read_command(text, quoted), PauseAll | ResumeAll):
        assert re.search(r"\ball\b", text.replace("\u200b", "").replace("\x00", ""), re.IGNORECASE)


@given(TEXTS, QUOTES)
def test_a_conversation_is_one_that_was_named_or_replied_to(text: str, quoted: int | None) -> None:
    match read_command(text, quoted):
        case Write(target) | PauseOne(target) | ResumeOne(target) | Attend(target):
            assert (target.number is None) != (target.address is None)
            assert target.number in {quoted, None} or f"{target.number}" in text
            assert target.address is None or re.fullmatch(r"\+[0-9]{7,15}", target.address)
        case _:
            pass


def test_the_help_fits_on_a_phone_and_its_examples_work() -> None:
    lines = HELP.splitlines()
    assert len(lines) <= 12
    assert max(map(len, lines)) <= 70
    examples = re.findall(r"(?:^|\. )(#[^:]+)(?=:)", HELP, re.MULTILINE)
    assert len(examples) >= 9
    for written in ", ".join(examples).split(", "):
        assert not isinstance(read_command(written, None), Misunderstood), written
