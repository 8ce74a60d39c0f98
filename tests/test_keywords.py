"""Which messages are a keyword, the whole of them, and which only hold one."""

import pytest

from bot.domain.keywords import LONGEST, OPT_IN_WORDS, OPT_OUT_WORDS, bare, is_keyword


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("STOP.", "stop"),
        (" «Stop!» ", "stop"),
        ("“stop”", "stop"),
        ("*STOP*", "stop"),
        ("_stop_", "stop"),
        ("¡¡Stop!!", "stop"),
        ("ｓｔｏｐ", "stop"),
        ("𝗦𝗧𝗢𝗣", "stop"),
        ("Stop 🛑", "stop"),
        ("🛑✋🏽stop👨‍👩‍👧", "stop"),
        ("stop ❤️", "stop"),
        ("stop 🇪🇸", "stop"),
        ("stop \U0001fae8", "stop"),  # an emoji that Python 3.11 does not know
        ("st\u200bop", "stop"),
        ("\ufeffstop", "stop"),
        ("\u202estop\u202c", "stop"),
        ("\u200fstop\u200e", "stop"),
        ("st\ufe0fo\u00adp", "stop"),
        ("stop\x00", "stop"),
        ("stop\ue000", "stop"),
        ("stop\ud83d", "stop"),
        ("stop\n", "stop"),
        ("stop\nall", "stop all"),
        ("Stop\u00a0 \n\tall", "stop all"),
        ("bajá", "baja"),
        ("baja\u0301", "baja"),
        ("PARÉ", "pare"),
        ("DÉSABONNER", "desabonner"),
        ("ABONELİKTEN ÇIK", "abonelikten cik"),
        ("abonelikten çık", "abonelikten cik"),
        ("STRASSE", "strasse"),
        ("Straße", "strasse"),
        ("ΣΤΟΠ", "στοπ"),
        ("don’t text me", "don't text me"),
        ("Opt-Out!", "opt-out"),
        ("a «b» c", "a «b» c"),
        ("stop, he isn't coming", "stop, he isn't coming"),
        ("أَوْقِف", "اوقف"),
        ("स्टॉप।", "स्टॉप"),
        ("बंद करो", "बंद करो"),
        ("ไม่", "ไม่"),
        ("ガス", "ガス"),
        ("カス", "カス"),
        ("수신거부", "수신거부"),
        ("", ""),
        (" \n\u200b", ""),
        ("?!…", ""),
        ("👍", ""),
        ("1️⃣", "1"),
    ],
)
def test_words_are_compared_without_what_does_not_change_them(text: str, expected: str) -> None:
    assert bare(text) == expected
    assert bare(bare(text)) == expected


@pytest.mark.parametrize(
    "text",
    [
        "stop, he isn't coming",
        "don't stop",
        "stop it please",
        "stop stop",
        "stopped",
        "non-stop",
        "s t o p",
        "full stop",
        "stop 1",
        "1. stop",
    ],
)
def test_a_message_that_only_holds_a_keyword_is_none(text: str) -> None:
    assert not is_keyword(text, ["stop"])


@pytest.mark.parametrize("text", ["", "   ", "...", "?", "👍", "\u200b", "!!!"])
def test_a_message_without_words_is_never_a_keyword(text: str) -> None:
    assert not is_keyword(text, ["", "...", "?", "👍", " "])


def test_a_keyword_may_be_written_in_any_way_by_who_sets_it_up() -> None:
    assert is_keyword("baja", [" ¡Bajá! "])
    assert is_keyword("BAJA", iter(["alta", "baja"]))
    assert not is_keyword("baja", [])


def test_a_long_message_is_no_keyword_even_if_it_is_one_word_and_signs() -> None:
    assert is_keyword("stop".ljust(LONGEST, "!"), ["stop"])
    assert not is_keyword("stop".ljust(LONGEST + 1, "!"), ["stop"])
    assert not is_keyword("x" * 300, ["x" * 300])


@pytest.mark.parametrize("words", [OPT_OUT_WORDS, OPT_IN_WORDS])
@pytest.mark.parametrize("written", ["{0}", " {0}.\n", "«{0}!»", "{0} 🙏🏽"])
def test_every_listed_word_is_known_however_it_is_written(
    written: str, words: tuple[str, ...]
) -> None:
    assert len(words) > 50
    assert [word for word in words if not is_keyword(written.format(word), words)] == []
    assert [word for word in words if not is_keyword(written.format(word.upper()), words)] == []


@pytest.mark.parametrize("words", [OPT_OUT_WORDS, OPT_IN_WORDS])
def test_no_listed_word_counts_within_a_longer_message(words: tuple[str, ...]) -> None:
    longer = ["{0}, two pizzas", "is that {0} or not", "{0} x"]
    assert [word for word in words for one in longer if is_keyword(one.format(word), words)] == []


def test_no_word_means_both() -> None:
    assert {bare(word) for word in OPT_OUT_WORDS} & {bare(word) for word in OPT_IN_WORDS} == set()
    assert all(len(word) <= LONGEST and bare(word) for word in (*OPT_OUT_WORDS, *OPT_IN_WORDS))


@pytest.mark.parametrize(
    "text",
    [
        "STOP",
        "Stop all",
        "Unsubscribe",
        "opt out",
        "Don’t contact me",
        "Darme de baja",
        "no me escriban mas",
        "PARAR",
        "Sair da lista",
        "nao quero receber mensagens",
        "ARRÊT",
        "se desabonner",
        "Stopp!",
        "Abmelden",
        "Non scrivetemi più",
        "geen berichten meer",
        "Durdur",
        "ABONELIKTEN CIK",
        "berhenti",
        "Nie piszcie do mnie",
        "Стоп",
        "Отписаться.",
        "ايقاف الرسائل",
        "הסר",
        "message mat karo",
        "수신거부",
    ],
)
def test_somebody_who_wants_no_more_messages_is_understood(text: str) -> None:
    assert is_keyword(text, OPT_OUT_WORDS)


@pytest.mark.parametrize(
    "text",
    [
        "cancel",
        "Cancel my order",
        "end",
        "quit",
        "no",
        "remove",
        "remove it",
        "enough",
        "wait",
        "baja",  # a size, a ground floor
        "dar de baja",
        "alta",
        "fin",
        "alto",
        "basta",
        "basta così",
        "pare",
        "parę",
        "par",
        "arrêté",
        "sair",
        "cancelar",
        "annuler",
        "abbestellen",
        "afmelden",
        "iptal",
        "dur",
        "ret",
        "rezygnuję",
        "отмена",
        "توقف",
        "إلغاء",
        "退订",
        "dùng",
        "start",
        "yes",
        "hi",
        "bus stop",
        "non stop",
        "стол",
    ],
)
def test_what_a_customer_may_say_about_an_order_is_no_farewell(text: str) -> None:
    assert not is_keyword(text, OPT_OUT_WORDS)


@pytest.mark.parametrize("text", ["START", "Unstop", "subscribe", "Empezar", "старт", "Başla"])
def test_somebody_who_wants_messages_again_is_understood(text: str) -> None:
    assert is_keyword(text, OPT_IN_WORDS)


@pytest.mark.parametrize("text", ["hello", "yes", "ok", "stop", "don't start", "I want to start"])
def test_other_words_ask_for_no_messages(text: str) -> None:
    assert not is_keyword(text, OPT_IN_WORDS)
