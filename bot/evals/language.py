"""Which language a reply is in, by its script or by its commonest words. Good enough for a test."""

import re
import unicodedata
from collections import Counter
from collections.abc import Mapping

_SCRIPTS = {
    "ARABIC": "ar",
    "HEBREW": "he",
    "DEVANAGARI": "hi",
    "THAI": "th",
    "GREEK": "el",
    "HIRAGANA": "ja",
    "KATAKANA": "ja",
    "HANGUL": "ko",
    "CJK": "zh",
}
_CYRILLIC_UKRAINIAN = frozenset("іїєґ")
_WORDS = {
    "en": """
        the and you your we our are is of to for with can have will would please what when
        this that from not do does it be at on i us thanks thank there here how about yes
        hello hi sorry open closed one two an by but so if my me let know ask some any all
        just get take write was were has been may could then
    """,
    "es": """
        el los las un una y que de del por para con su sus tu es son está están no se lo le
        como más pero puede puedes podemos tenemos tiene gracias hola sí cuando qué cuál muy
        aquí en al nuestra nuestro usted te día hasta dos nos si desde cuesta persona todo
        todos ya hay eres fue ha han
    """,
    "pt": """
        o os as um uma e que de do da dos das por para com seu sua é são está não se lhe
        você como mais mas pode podemos temos tem obrigado obrigada olá sim quando qual
        muito aqui em na ao nossa nosso dia até dois nos desde custa pessoa tudo todos já há
        foi têm aos pela pelo
    """,
    "fr": """
        le la les un une et que de du des par pour avec votre vos vous nous est sont pas ne
        ce cette plus mais peut pouvons avons merci bonjour oui quand quel quelle très ici
        en au aux notre je il jour jusqu deux si dès coûte tout tous été ai sur se sera peux
        nos
    """,
    "de": """
        der die das ein eine und dass von den dem für mit ihr ihre sie wir ist sind nicht
        sich auch mehr aber kann können haben hat danke hallo ja wann welche sehr hier in im
        am zu unsere unser ich es tag bis bitte
    """,
    "it": """
        il lo la gli le un una e che di del della per con suo sua è sono non si come più ma
        può possiamo abbiamo ha grazie ciao sì quando quale molto qui in al alla nostro
        nostra giorno fino siamo
    """,
    "nl": """
        de het een en dat van voor met uw je jij wij we is zijn niet ook meer maar kan
        kunnen hebben heeft dank bedankt hallo ja wanneer welke zeer hier in op te onze ons
        ik dag tot graag
    """,
    "ca": """
        el els les un una i que de del per amb seu la seva és són no es com més però pot
        podem tenim té gràcies hola sí quan quin molt aquí en al nostra nostre dia fins
    """,
    "pl": """
        i że w na z do się jest są nie tak jak więcej ale może możemy mamy ma dziękuję cześć
        kiedy który bardzo tutaj dla po nasz nasza dzień od proszę za
    """,
    "tr": """
        ve bir bu için ile da de mi ne var yok değil çok daha ama evet hayır merhaba
        teşekkür teşekkürler ederiz lütfen saat gün biz size nasıl olarak
    """,
}
_LETTERS = re.compile(r"[^\W\d_]+")
_LINK = re.compile(r"https?://\S+|\S+@\S+")
_COMMON: Mapping[str, frozenset[str]] = {code: frozenset(w.split()) for code, w in _WORDS.items()}
_SPANISH_SIGNS, _PORTUGUESE_SIGNS = frozenset("ñ¿¡"), frozenset("ãõ")
LANGUAGES = tuple(sorted({*_WORDS, *_SCRIPTS.values(), "ru", "uk"}))
"""ISO 639-1 codes of what can be told."""


def languages_of(text: str) -> frozenset[str]:
    """The likeliest; several when they can't be told apart, none without any clue."""
    text = _LINK.sub(" ", text.casefold())
    by_script = _by_script(text)
    if by_script is not None:
        return frozenset({by_script})
    words = Counter(_LETTERS.findall(text))
    scores = {code: _score(words, common) for code, common in _COMMON.items()}
    scores["es"] += 2 * bool(_SPANISH_SIGNS & set(text))
    scores["pt"] += 2 * bool(_PORTUGUESE_SIGNS & set(text))
    best = max(scores.values())
    return frozenset(code for code, score in scores.items() if score == best and best > 0)


def _score(words: Counter[str], common: frozenset[str]) -> int:
    return sum(count for word, count in words.items() if word in common)


def _by_script(text: str) -> str | None:
    """None: Latin, or too little of anything else."""
    letters = [char for char in text[:5000] if char.isalpha()]
    scripts = Counter(unicodedata.name(char, "?").split()[0].split("-")[0] for char in letters)
    if not scripts:
        return None
    if scripts["HIRAGANA"] + scripts["KATAKANA"] > len(letters) // 10:
        return "ja"
    name, count = scripts.most_common(1)[0]
    if name == "LATIN" or count * 2 < len(letters):
        return None
    if name == "CYRILLIC":
        return "uk" if _CYRILLIC_UKRAINIAN & set(letters) else "ru"
    return _SCRIPTS.get(name)
