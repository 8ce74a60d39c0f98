"""How the stand-in model finds its words: it quotes the lines of the prompt that match best.

Pure and deterministic, and the same for every language: words are compared without case and
accents, rare ones count more, and scripts without spaces are compared by pairs of characters.
"""

import math
import re
import unicodedata
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

NOTHING_FOUND = (
    "I found nothing about that in what I was given. "
    "Please ask in other words, or ask for a person."
)
MAX_LINES = 3
MAX_LIST_LINES = 8
ALMOST_AS_GOOD = 0.7
"""A line is quoted beside the best one when it scores at least this part of it."""

GREETINGS = {
    "hello": "Hello! How can I help you?",
    "hi": "Hi! How can I help you?",
    "hey": "Hi! How can I help you?",
    "hola": "¡Hola! ¿En qué puedo ayudarte?",
    "ola": "Olá! Como posso ajudar?",
    "oi": "Olá! Como posso ajudar?",
    "bonjour": "Bonjour ! Comment puis-je vous aider ?",
    "salut": "Bonjour ! Comment puis-je vous aider ?",
    "hallo": "Hallo! Wie kann ich helfen?",
    "moin": "Moin! Wie kann ich helfen?",
    "ciao": "Ciao! Come posso aiutarti?",
    "merhaba": "Merhaba! Nasıl yardımcı olabilirim?",
    "halo": "Halo! Ada yang bisa saya bantu?",
    "czesc": "Cześć! Jak mogę pomóc?",
    "привет": "Здравствуйте! Чем могу помочь?",
    "здравствуите": "Здравствуйте! Чем могу помочь?",
    "مرحبا": "مرحبًا! كيف يمكنني مساعدتك؟",
    "नमसत": "नमस्ते! मैं कैसे मदद कर सकता हूँ?",
    "你好": "你好!请问有什么可以帮您?",
    "こんにちは": "こんにちは。ご用件をどうぞ。",
}
GREETING_COMPANY = frozenset(
    {"there", "good", "morning", "afternoon", "evening", "buenos", "dias", "buenas", "tardes"}
    | {"noches", "bom", "dia", "boa", "tarde", "guten", "tag", "morgen", "abend", "all", "team"}
)
THANKS = frozenset(
    {"thanks", "thank", "thx", "gracias", "obrigado", "obrigada", "merci", "danke", "grazie"}
)
# Little words of a few languages: they match everything and say nothing.
_LITTLE = (
    "a an and any are at be can could do does for from have how i if in is it may me my of on or "
    "our please tell that the there this to us was we what when where which who will with you "
    "your al como con cual de del el en es esta hay la las lo los me mi para por que se su tiene "
    "tienen un una y ao com da do dos e em o os qual quanto seu sua tem um uma au aux avec ce "
    "dans des du est et je le les nous ou pour quel quelle sont sur une vous das dem den der die "
    "ein eine fur haben ich ihr ist kann man mit sie sind und von was wann wie wo zu che di il "
    "quali sono"
)
EMPTY_WORDS = frozenset(_LITTLE.split())

_WORD = re.compile(r"[^\W_]+")
_NO_SPACES = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\u0e00-\u0e7f]")
_BULLET = re.compile(r"^\s*(?:[-*•]|\d+[.)])\s+")
_FACTS_TITLE = re.compile(r"^\W*facts\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class _Line:
    text: str
    words: frozenset[str]
    worth: float
    """Facts count fully, instructions less."""


def plain(text: str) -> str:
    """Without case and accents, for comparing."""
    parts = unicodedata.normalize("NFKD", text.casefold())
    return "".join(char for char in parts if not unicodedata.combining(char))


def words_of(text: str) -> list[str]:
    """The words, and for scripts without spaces each pair of characters."""
    found: list[str] = []
    for word in _WORD.findall(plain(text)):
        if _NO_SPACES.search(word):
            found += [word[at : at + 2] for at in range(max(1, len(word) - 1))]
        else:
            found.append(word)
    return found


def answer(prompt: str, question: str) -> str:
    """What the stand-in says to a customer's message."""
    return _courtesy(question) or quote(prompt, question) or NOTHING_FOUND


def quote(prompt: str, question: str) -> str:
    """The best-matching lines of the prompt, in their order; empty when none matches."""
    asked = {word for word in words_of(question) if word not in EMPTY_WORDS}
    texts = [line for line in prompt.splitlines() if line.strip()]
    lines = _read(texts)
    spread = Counter(word for line in lines for word in line.words)
    scores = [_score(line, asked, spread, len(lines)) for line in lines]
    best = max(scores, default=0.0)
    if best <= 0.0:
        return ""
    good = [at for at, score in enumerate(scores) if score >= best * ALMOST_AS_GOOD][:MAX_LINES]
    return _join(lines, good)


def _courtesy(question: str) -> str:
    said = _WORD.findall(plain(question))
    greeting = next((GREETINGS[word] for word in said if word in GREETINGS), "")
    if greeting and all(word in GREETINGS or word in GREETING_COMPANY for word in said):
        return greeting
    if said and len(said) <= 4 and any(word in THANKS for word in said):
        return "You are welcome!"
    return ""


def _read(texts: Sequence[str]) -> list[_Line]:
    lines: list[_Line] = []
    has_facts = any(_FACTS_TITLE.match(text) for text in texts)
    in_facts = not has_facts
    for text in texts:
        if _FACTS_TITLE.match(text):
            in_facts = True
            continue
        if text.startswith("#"):
            in_facts = in_facts and not has_facts
        words = frozenset(words_of(text)) - EMPTY_WORDS
        lines.append(_Line(text.strip(), words, 1.0 if in_facts else 0.3))
    return lines


def _score(line: _Line, asked: set[str], spread: Counter[str], count: int) -> float:
    hits = {word for word in line.words if any(_alike(word, each) for each in asked)}
    rare = sum(math.log(1 + count / spread[word]) for word in hits)
    # A title alone says nothing; a long line matches by chance more easily.
    worth = 0.5 if line.text.startswith("#") else line.worth
    return worth * rare / math.sqrt(4 + len(line.words))


def _alike(one: str, other: str) -> bool:
    if one == other:
        return True
    shorter, longer = sorted((one, other), key=len)
    return len(shorter) >= 4 and longer.startswith(shorter[: max(4, len(shorter) - 2)])


def _join(lines: Sequence[_Line], chosen: Sequence[int]) -> str:
    wanted = dict.fromkeys(chosen)
    for at in chosen:
        # "We deliver to:" is worth little without the list under it.
        if lines[at].text.endswith(":") or lines[at].text.startswith("#"):
            wanted |= dict.fromkeys(range(at + 1, min(at + 1 + MAX_LIST_LINES, len(lines))))
    texts = [_BULLET.sub("", lines[at].text).lstrip("# ") for at in sorted(wanted)]
    return texts[0] if len(texts) == 1 else "\n".join(f"- {text}" for text in texts)
