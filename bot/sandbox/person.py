"""Whether a customer asks for a person, in the languages of most customers."""

import re

from bot.sandbox.quoting import plain

# Alone, or in a few words, these are enough: "agent", "a human please".
NOUNS = (
    "human|real person|person|agent|operator|representative|humano|persona|agente|operador|"
    "asesor|pessoa|atendente|humain|conseiller|personne|mensch|mitarbeiter|berater|operatore|"
    "persona reale|medewerker|mens|insan|temsilci|yetkili|manusia|orang|czlowiek|konsultant|"
    "человек|оператор|менеджер"
)
VERBS = (
    "speak|talk|chat|connect|transfer|get me|want|need|hablar|comunicar|quiero|necesito|falar|"
    "quero|preciso|parler|veux|voudrais|sprechen|reden|mochte|will|parlare|vorrei|voglio|spreken|"
    "praten|wil|gorusmek|konusmak|istiyorum|bicara|berbicara|rozmawiac|chce|поговорить|хочу|"
    "позовите|соедините"
)
SOMEONE = (
    f"{NOUNS}|someone|somebody|alguien|alguem|quelqu'un|jemand\\w*|qualcuno|iemand|birisi|kogos"
)
# Scripts without spaces between words, or with their own word forms: a part is enough.
ANYWHERE = (
    "人工",
    "真人",
    "客服",
    "担当者",
    "オペレーター",
    "人間と",
    "상담원",
    "사람과",
    "موظف",
    "شخص",
    "इसन",
)

_FEW_WORDS = re.compile(rf"^(?:\S+ ){{0,2}}(?:{NOUNS})(?: \S+)?$")
_ASKED = re.compile(rf"\b(?:{VERBS})\b(?: \S+){{0,5}}? (?:{SOMEONE})\b")


def asks_for_person(text: str) -> bool:
    """True for "can I talk to somebody?" and its like; a guess by words, made for trying out."""
    said = " ".join(re.sub(r"[^\w']+", " ", plain(text)).split())
    spoken = bool(_FEW_WORDS.match(said) or _ASKED.search(said))
    return spoken or any(plain(part) in plain(text) for part in ANYWHERE)
