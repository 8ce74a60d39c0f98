"""Whom the bot takes for a machine or a flood, and which customers only look like one."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import count, permutations
from typing import Literal

import pytest

from bot.domain.entry import Entry
from bot.domain.loops import AUTOMATIC, FLOOD, SAME_WORDS, TOO_FAST, suspect
from bot.domain.media import Attachment, MediaState, Reading

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
LIMIT = 60
SAME = "Please send me the catalogue."
AWAY = "Thank you for contacting Moreno Ltd! We'll be with you shortly."
MENU = "Welcome to our shop!\n1. Sales\n2. Repairs\n3. Talk to somebody"
OTHER_MENU = "Choose a branch:\n1) North Street\n2) Harbour\n3) Station, platform side"
ORDER = "Good morning, I'd like:\n1. two loaves\n2. six croissants\n3. one lemon tart"
NAMED = [
    f"Your request is in the queue. Agent {name} will look at it soon, do not write again."
    for name in ("Maria", "Igor", "Chloe", "Wei", "Ana", "Paul")
]

_numbers = count(1)


def entry(
    author: Literal["customer", "bot", "operator"], at_s: float, text: str, kind: str = "text"
) -> Entry:
    return Entry(f"m{next(_numbers)}", author, kind, text, NOON + timedelta(seconds=at_s))


def customer(at_s: float, text: str, kind: str = "text") -> Entry:
    return entry("customer", at_s, text, kind)


def bot(at_s: float, text: str = "Let me see.") -> Entry:
    return entry("bot", at_s, text)


def operator(at_s: float, text: str = "Rosa here.") -> Entry:
    return entry("operator", at_s, text)


def voice(at_s: float, text: str) -> Entry:
    heard = Attachment(MediaState.READY, Reading(text=text, service="local"))
    return replace(customer(at_s, "", "voice"), media=heard)


def in_turn(
    texts: Sequence[str], *, takes_s: float = 30, every_s: float = 60, kind: str = "text"
) -> list[Entry]:
    """The customer writes, the bot replies, and so on; the last message waits."""
    said = [customer(0, texts[0], kind)]
    for number, text in enumerate(texts[1:], 1):
        replied_s = number * every_s
        said += [bot(replied_s), customer(replied_s + takes_s, text, kind)]
    return said


def asked(said: Sequence[Entry], *, limit: int = LIMIT, after_s: float = 1) -> str | None:
    """What follows the last reply waits; it is looked at so long after the last message."""
    replies = [number for number, one in enumerate(said) if one.author != "customer"]
    waits = replies[-1] + 1 if replies else 0
    now = said[-1].at + timedelta(seconds=after_s)
    return suspect(said[:waits], said[waits:], now, limit)


# Who is no machine


def test_a_conversation_that_begins_is_not_suspected() -> None:
    assert suspect([], [], NOON, LIMIT) is None
    assert asked([customer(0, "Hello")]) is None
    assert asked([customer(0, SAME), bot(1), customer(2, SAME)]) is None


def test_an_impatient_customer_is_not_suspected() -> None:
    said = [
        customer(0, "Hello?"),
        customer(5, "Hello?"),
        customer(8, "HELLO?"),
        bot(10, "Hello! How can I help?"),
        customer(14, "where is my order"),
        customer(18, "where is my order??"),
        bot(20, "Could you tell me its number?"),
        customer(23, "1234"),
        customer(30, "where is my order"),
        customer(34, "??"),
        bot(36, "I could not find it."),
        customer(39, "WHERE IS MY ORDER"),
        customer(41, "hello?"),
        customer(42, "is anybody there"),
    ]
    assert asked(said) is None


def test_somebody_who_sends_the_same_in_one_burst_has_said_it_once() -> None:
    assert asked([bot(0), customer(20, "hello"), bot(30), *(customer(40, SAME),) * 9]) is None
    burst = [customer(second, SAME) for second in range(40, 49)]
    assert asked([customer(0, "hello"), bot(10), customer(20, "hi"), bot(30), *burst]) is None
    later = [customer(second, SAME) for second in range(60, 69)]
    assert asked([*burst, bot(50), *later, bot(100), customer(120, SAME)]) is None


def test_ten_quick_short_messages_are_not_suspected() -> None:
    assert asked(in_turn([f"question {n}" for n in range(10)], takes_s=0, every_s=0.1)) is None
    assert asked([customer(n / 10, f"question {n}") for n in range(10)]) is None
    assert asked(in_turn([str(n) for n in range(10)], takes_s=1, every_s=5)) is None


def test_short_answers_may_come_again() -> None:
    assert asked(in_turn(["yes"] * 5, takes_s=1)) is None
    assert asked(in_turn(["ok", "ok", "and shoes?", "ok", "ok", "ok", "ok"], takes_s=1)) is None
    assert asked(in_turn(["1", "2"] * 8, takes_s=1)) is None


def test_a_customer_who_asks_for_one_article_after_the_other_is_not_suspected() -> None:
    articles = [f"Do you have article {number} in stock?" for number in range(4711, 4724)]
    assert asked(in_turn(articles)) is None
    colours = [
        f"Hi, is the long {colour} dress from the window still here?" for colour in "abcdefg"
    ]
    assert asked(in_turn(colours)) is None


def test_other_questions_at_once_are_not_the_same_words() -> None:
    questions = [
        "When do you open on Sundays, please?",
        "And do you have lemon tarts then?",
        "How much is one for eight people?",
        "Can I pay for that with my card?",
        "Is there a place to leave the car?",
        "Would you keep one for me, then?",
    ]
    assert asked(in_turn(questions, takes_s=5)) is None
    assert asked(in_turn([sign * 20 for sign in "🎉!😀?👍…🙏☀🎂¡🥐🍋❤"], takes_s=5)) is None
    orders = [
        f"{' '.join(order)}, please" for order in permutations(("from Rome", "to Bari", "by bus"))
    ]
    assert asked(in_turn(orders, takes_s=5)) is None


def test_long_letters_that_begin_alike_are_not_the_same_words() -> None:
    letters = [f"{'I would like to order, as always, ' * 20} {n} loaves{'!' * n}" for n in range(5)]
    assert asked(in_turn(letters)) is None
    assert asked(in_turn(letters[:1] * 4)) == SAME_WORDS


def test_photos_and_places_under_the_same_words_are_not_the_same() -> None:
    assert asked(in_turn(["How much is this one, please?"] * 7, kind="image")) is None
    assert asked(in_turn(["how much?"] * 7, kind="image")) is None
    places = [f"Somewhere near 41.{number}, 2.{number}" for number in range(13)]
    assert asked(in_turn(places, kind="location", takes_s=1)) is None
    assert asked(in_turn([""] * 7, kind="image", takes_s=1)) is None


def test_reactions_are_not_answers() -> None:
    assert asked(in_turn(["👍"] * 20, kind="reaction", takes_s=1)) is None
    assert asked([customer(n, "👍", "reaction") for n in range(LIMIT + 1)]) is None


@pytest.mark.parametrize(
    "said",
    [
        [bot(0), customer(3, "hello"), bot(4), customer(6, ORDER)],
        [bot(0), customer(3, ORDER), bot(4), customer(60, ORDER.replace("six", "8"))],
        [bot(0), customer(60, ORDER), bot(70), customer(75, OTHER_MENU)],
        [bot(0), customer(3, "10:30 works\n11:15 works"), bot(4), customer(8, "12:10\n12:40\n")],
        [bot(0), customer(3, "1. two\n2. by card"), bot(4), customer(8, "1. yes\n2. Main Street")],
        [bot(0), customer(3, "1.5 kg\n2.5 kg\n3.5 kg"), bot(4), customer(8, "4.5\n5.5\n6.5")],
        [bot(0), customer(3, "1. two loaves"), bot(4), customer(8, "2. one tart\n3. no sugar")],
    ],
)
def test_an_order_as_a_list_is_no_menu(said: list[Entry]) -> None:
    assert asked([customer(-60, "Good morning"), *said]) is None


@pytest.mark.parametrize(
    "text",
    [
        "Is this an automatic reply?",
        "Esto es una respuesta automática?",
        "I'm out of office until six, can you wait?",
        "Thank you, and when do you open?",
    ],
)
def test_who_speaks_of_automatic_replies_is_none(text: str) -> None:
    assert asked(in_turn(["Hello", text, "no really, tell me", text], takes_s=5)) is None


def test_a_quick_human_is_not_suspected() -> None:
    said = in_turn([f"yes, {word}" for word in "abcdefghijklm"], takes_s=1.9, every_s=20)
    assert asked(said) is None


# Who is


def test_the_same_words_after_each_reply_are_suspected_the_fourth_time() -> None:
    assert asked(in_turn([SAME] * 3)) is None
    assert asked(in_turn([SAME] * 4)) == SAME_WORDS
    loud = [SAME, "what?", SAME.upper(), "what??", f"  {SAME}\n", "what???", SAME.title()]
    assert asked(in_turn(loud[:-2])) is None
    assert asked(in_turn(loud)) == SAME_WORDS
    heard = [voice(0, SAME), bot(9), voice(30, SAME), bot(60), voice(90, SAME)]
    assert asked(heard) is None
    assert asked([*heard, bot(99), voice(120, SAME)]) == SAME_WORDS


def test_short_words_are_suspected_the_sixth_time_in_a_row() -> None:
    assert asked(in_turn(["Invalid option"] * 5)) is None
    assert asked(in_turn(["Invalid option"] * 6)) == SAME_WORDS
    assert asked(in_turn(["👍"] * 6)) == SAME_WORDS


def test_it_is_what_waits_that_must_be_the_same() -> None:
    assert asked([*in_turn([SAME] * 5), bot(300), customer(330, "Sorry, my phone hung.")]) is None
    said = in_turn([SAME] * 4)
    fresh, again = customer(220, "Hello, it's me"), customer(221, SAME)
    assert suspect(said, [fresh], fresh.at, LIMIT) is None
    assert suspect(said, [fresh, again], again.at, LIMIT) == SAME_WORDS


def test_what_was_said_long_before_or_among_other_things_does_not_count() -> None:
    others = [f"What about the {word}?" for word in "abcdefghijkl"]
    assert asked(in_turn([SAME, *others[:11], SAME, SAME, SAME])) is None
    assert asked(in_turn([SAME, *others[:10], SAME, SAME, SAME])) == SAME_WORDS
    said = in_turn([SAME] * 4)
    assert asked([*said, customer(211, "please")]) == SAME_WORDS
    assert asked([*said, customer(211, "please"), customer(212, "I am waiting")]) is None


def test_words_written_before_the_reply_are_no_answer_to_it() -> None:
    said = [*in_turn([SAME] * 3), bot(160)]
    assert suspect(said, [customer(155, SAME)], NOON + timedelta(seconds=161), LIMIT) is None
    assert suspect(said, [customer(165, SAME)], NOON + timedelta(seconds=166), LIMIT) == SAME_WORDS


@pytest.mark.parametrize(
    "text",
    [
        "Hello, are you open today? #{n:08}#",
        "This is question number {n} of ana",
        "Your ticket TK-{n}A{n}7 was opened at 10:{n}0, place {n}",
    ],
)
@pytest.mark.parametrize("takes_s", [0, 9])
def test_words_that_differ_in_numbers_alone_are_suspected_the_twelfth_time_at_once(
    text: str, takes_s: float
) -> None:
    numbered = [text.format(n=n) for n in range(7, 20)]
    assert asked(in_turn(numbered[:11], takes_s=takes_s)) is None
    assert asked(in_turn(numbered[:12], takes_s=takes_s)) == SAME_WORDS
    assert asked(in_turn(numbered, takes_s=11)) is None


def test_who_asks_two_alike_numbered_things_at_a_time_differs_in_numbers_alone() -> None:
    said = []
    for n in range(12):
        north, south = (f"And is door {n} on the {side} side open all day?" for side in "NS")
        said += [customer(n * 20 + 3, north), customer(n * 20 + 4, south), bot(n * 20 + 19)]
    assert asked(said[:-4]) is None
    assert asked(said[:-1]) == SAME_WORDS


def test_words_that_are_alike_are_suspected_the_fifth_time_at_once() -> None:
    assert asked(in_turn(NAMED[:4], takes_s=4)) is None
    assert asked(in_turn(NAMED[:5], takes_s=4)) == SAME_WORDS
    assert asked(in_turn(NAMED, takes_s=11)) is None
    long = [f"{name}! {'Please hold the line, all our agents are busy. ' * 9}" for name in "abcde"]
    assert asked(in_turn(long[:4], takes_s=4)) is None
    assert asked(in_turn(long, takes_s=4)) == SAME_WORDS


def test_alike_in_a_script_without_spaces() -> None:
    texts = [
        f"お問い合わせありがとうございます。{name}が順番にご案内しております。"
        for name in "甲乙丙丁戊"
    ]
    assert asked(in_turn(texts[:4], takes_s=4)) is None
    assert asked(in_turn(texts, takes_s=4)) == SAME_WORDS


def test_what_is_the_same_counts_among_what_is_alike() -> None:
    maria, igor, chloe = NAMED[:3]
    for mixed in (
        [maria, maria, igor, igor, igor],
        [maria, igor, maria, igor, maria],
        [maria, maria, maria, igor, chloe],
    ):
        assert asked(in_turn(mixed[1:], takes_s=4)) is None
        assert asked(in_turn(mixed, takes_s=4)) == SAME_WORDS
    slow = in_turn([maria] * 3, takes_s=11)
    at_once = [bot(200), customer(204, igor), bot(210), customer(214, chloe)]
    assert asked([*slow, *at_once]) == SAME_WORDS
    assert asked([*slow[2:], *at_once]) is None


def test_what_is_the_same_or_alike_counts_among_what_is_numbered() -> None:
    numbers = [f"Is number {n} of the long list still free today?" for n in range(9)]
    other = [text.replace("free", "left") for text in numbers]
    mixed = [*numbers[:4], numbers[3], *other[3:7], other[6], *other[7:9]]
    assert asked(in_turn(mixed[1:], takes_s=4)) is None
    assert asked(in_turn(mixed, takes_s=4)) == SAME_WORDS
    assert asked(in_turn([*numbers, other[0]], takes_s=4)) is None  # alike twice, not ten times


def test_numbers_that_come_again_are_the_same_words_the_fourth_time() -> None:
    first, second, third = (f"Do you have article {n} in stock?" for n in (4711, 4712, 4713))
    assert asked(in_turn([first, second] * 3, takes_s=4)) is None
    assert asked(in_turn([*[first, second] * 3, first], takes_s=4)) == SAME_WORDS
    assert asked(in_turn([first, first, second, second, third, third], takes_s=4)) is None


def echoes(times: int) -> list[Entry]:
    """Two bots: each says the other's words again."""
    text = "You said: Hello, is somebody there?"
    said = [customer(0, text)]
    for number in range(1, times):
        reply = f"You said: {said[-1].text}"
        said += [bot(number * 5, reply), customer(number * 5 + 4, f"You said: {reply}")]
    return said


def test_two_bots_that_echo_each_other_are_found_however_the_text_grows() -> None:
    first = next(times for times in count(2) if asked(echoes(times)) is not None)
    assert first <= 8
    assert asked(echoes(first)) == SAME_WORDS
    assert asked(echoes(40)) == SAME_WORDS  # far beyond what is compared


def test_answers_faster_than_typing_are_suspected_after_twelve_in_a_row() -> None:
    fruit = ("apple", "lemon", "peach", "grape", "mango", "melon", "olive")
    words = (*fruit, "river", "stone", "cloud", "tiger", "paper", "glass")
    texts = [f"{word} {other} {word[::-1]}" for word, other in zip(words, words[::-1], strict=True)]
    assert asked(in_turn(texts, takes_s=1.5, every_s=20)) == TOO_FAST
    assert asked(in_turn(texts[1:], takes_s=1.5, every_s=20)) is None  # the first answers nothing
    assert asked(in_turn(texts, takes_s=1.5, every_s=20)[1:]) == TOO_FAST
    assert asked(in_turn(texts, takes_s=1.5, every_s=20)[3:]) is None
    assert asked(in_turn(texts, takes_s=2, every_s=20)) is None
    joined = [text.replace(" ", "_") for text in texts]
    assert asked(in_turn([text[:12] for text in joined], takes_s=1.5, every_s=20)) == TOO_FAST
    assert asked(in_turn([text[:11] for text in joined], takes_s=1.5, every_s=20)) is None
    assert asked(in_turn(texts, takes_s=1.5, every_s=60)) is None  # 11 minutes
    slow_once = in_turn(texts, takes_s=1.5, every_s=20)
    slow_once[8] = replace(slow_once[8], at=slow_once[8].at + timedelta(seconds=5))
    assert asked(slow_once) is None
    photo = in_turn(texts, takes_s=1.5, every_s=20)
    photo[8] = replace(photo[8], kind="location")
    assert asked(photo) is None
    said = in_turn(texts, takes_s=1.5, every_s=20)
    photo_waits = customer(242, "", "image")
    assert suspect(said, [photo_waits], photo_waits.at, LIMIT) is None


@pytest.mark.parametrize(
    "text",
    [
        AWAY,
        "Automatic reply: I am away until Monday",
        "*Out of office*\nBack on the 3rd",
        "🤖 This is an automated message from Moreno Ltd.",
        "Hi! We’ve received your message.",
        "¡Gracias por comunicarte con Zapatos Luz! ¿Cómo podemos ayudarte?",
        "Respuesta automática: estamos de vacaciones",
        "Obrigada por entrar em contato com a Loja Sol",
        "Loja Sol agradece seu contato. Como podemos ajudar?",
        "Mensagem automática – voltamos amanhã",
        "Merci de nous avoir contactés ! Nous revenons vers vous.",
        "Merci d’avoir contacté Pain & Vin",
        "Réponse automatique",
        "Automatische Antwort: Wir sind im Urlaub.",
        "Vielen Dank für Ihre Kontaktaufnahme.",
        "Grazie per averci contattato!",
        "Risposta automatica",
    ],
)
def test_the_second_automatic_reply_within_seconds_is_suspected(text: str) -> None:
    assert asked(in_turn(["Hello", text, "no idea", text], takes_s=5)) == AUTOMATIC
    assert asked(in_turn(["Hello", text, "no idea", "no"], takes_s=5)) is None
    assert asked(in_turn(["Hello", text, "no idea", text], takes_s=11)) is None
    late_first = [customer(-9, "Hello"), bot(0), customer(60, text), bot(70), customer(75, text)]
    assert asked(late_first) is None
    assert (
        asked([bot(0), customer(3, "hi"), bot(9), customer(12, text), customer(13, text)]) is None
    )


def test_the_second_menu_within_seconds_is_suspected() -> None:
    assert asked(in_turn(["Hello", MENU, OTHER_MENU], takes_s=5)) == AUTOMATIC
    assert asked(in_turn(["Hello", MENU, OTHER_MENU], takes_s=11)) is None
    assert asked(in_turn(["Hello", AWAY, MENU], takes_s=5)) == AUTOMATIC


def test_the_same_menu_again_is_suspected_however_late_the_first_came() -> None:
    late = [customer(-30, "Hello"), bot(0), customer(60, MENU), bot(70)]
    assert asked([*late, customer(75, MENU.replace("Welcome to", "Again,"))]) is None
    assert asked([*late, customer(75, MENU.replace("Sales", "Orders"))]) == AUTOMATIC
    assert asked([*late, customer(85, MENU)]) is None


@pytest.mark.parametrize(
    "line", ["{n}. {w}", "{n}) {w}", "{n} - {w}", "{n}: {w}", "*{n}.* {w}", "[{n}] {w}", "{n}️⃣ {w}"]
)
def test_menus_are_written_in_many_ways(line: str) -> None:
    def menu(*words: str) -> str:
        return "\n".join(line.format(n=number, w=word) for number, word in enumerate(words, 1))

    first, second = menu("Sales", "Repairs", "Hours"), menu("North", "Harbour", "Station", "Back")
    assert asked(in_turn(["Hello", first, second], takes_s=5)) == AUTOMATIC


# Floods


def test_a_flood_is_suspected_above_its_limit() -> None:
    flood = [customer(second, "x") for second in range(500)]
    assert asked(flood) == FLOOD
    assert asked(flood[: LIMIT + 1]) == FLOOD
    assert asked(flood[:LIMIT]) is None
    assert asked(flood, limit=0) is None
    assert asked([*flood[:40], bot(40.5), *flood[41:62]]) == FLOOD
    assert asked([*flood[:40], bot(40.5), *flood[41:61]]) is None


def test_what_counts_for_a_flood_need_not_be_readable() -> None:
    photos = [customer(n, "", "image") for n in range(LIMIT + 1)]
    assert asked(photos) == FLOOD
    assert asked([replace(one, deleted=True) for one in photos]) == FLOOD
    assert asked([replace(one, dead=True) for one in photos]) == FLOOD


def test_only_the_customers_messages_are_a_flood() -> None:
    assert asked([*(bot(n) for n in range(100)), customer(101, "Hi")], limit=2) is None


def test_ten_minutes_later_a_flood_is_over() -> None:
    flood = [customer(0, "x") for _ in range(500)]
    assert asked(flood, after_s=599) == FLOOD
    assert asked(flood, after_s=600) is None


# What makes a suspicion end


MACHINES = {
    SAME_WORDS: in_turn([SAME] * 4, takes_s=4),
    AUTOMATIC: in_turn([AWAY] * 4, takes_s=4),
    TOO_FAST: in_turn(
        [f"{n} {c * n} {c}{c * n}" for n, c in enumerate("abcdefghijklm", 6)], takes_s=1, every_s=9
    ),
    FLOOD: [
        bot(0),
        *(customer(n / 10, "x" * n) for n in range(1, 200)),
        bot(30),
        customer(31, "hm"),
    ],
}


@pytest.mark.parametrize("reason", MACHINES)
def test_what_was_suspicious_an_hour_ago_is_fine_now(reason: str) -> None:
    said = MACHINES[reason]
    assert asked(said) == reason
    again = replace(said[-1], id="again", at=said[-1].at + timedelta(hours=1))
    assert asked([*said, replace(bot(0), at=again.at - timedelta(seconds=1)), again]) is None


def test_words_are_remembered_for_an_hour() -> None:
    said = in_turn([SAME] * 4, takes_s=0, every_s=20 * 60)
    assert asked(said, after_s=-0.001) == SAME_WORDS
    assert asked(said, after_s=0) is None


@pytest.mark.parametrize("reason", MACHINES)
def test_after_a_person_wrote_everything_is_counted_anew(reason: str) -> None:
    said = MACHINES[reason]
    person = replace(operator(0), at=said[-2].at)
    assert asked([*said[:-1], person, said[-1]]) is None
    first = replace(person, at=said[0].at - timedelta(seconds=1))
    assert asked([first, *said]) == reason


@pytest.mark.parametrize("reason", [SAME_WORDS, AUTOMATIC, TOO_FAST])
def test_deleted_and_dead_messages_say_nothing(reason: str) -> None:
    *earlier, last = MACHINES[reason]
    written = [one for one in earlier if one.author == "customer"]
    replies = [one for one in earlier if one.author == "bot"]
    deleted = sorted([*(replace(one, deleted=True) for one in written), *replies], key=_time)
    dead = sorted([*(replace(one, dead=True) for one in written), *replies], key=_time)
    assert asked([*deleted, last]) is None
    assert asked([*dead, last]) is None


def _time(one: Entry) -> datetime:
    return one.at
