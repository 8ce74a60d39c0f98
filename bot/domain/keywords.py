"""Messages that are one word or one set phrase, and the words for `write to me no more`.

The whole message counts, never a word in it: `stop, he isn't coming` asks for nothing of the kind.
"""

import re
import unicodedata
from collections.abc import Iterable
from functools import lru_cache

LONGEST = 200
"""In characters, as written: what is longer is no keyword, whatever it begins with."""

_APOSTROPHES = str.maketrans("’‘ʼ`´", "'''''")
_VARIATION = re.compile("[\u034f\u180b-\u180d\ufe00-\ufe0f\U000e0100-\U000e01ef]")


def bare(text: str) -> str:
    """The words alone, to be compared: without case, accents, and what stands around them.

    Signs inside stay, so that `don't` and `opt-out` remain what they are.
    """
    folded = unicodedata.normalize("NFKC", _VARIATION.sub("", text)).casefold().replace("ı", "i")
    shown = "".join(_shown(char) for char in folded.translate(_APOSTROPHES))
    return _without_edges(" ".join(_without_accents(shown).split()))


def is_keyword(text: str, keywords: Iterable[str]) -> bool:
    """Whether the whole message is one of them."""
    if len(text) > LONGEST:
        return False
    said = bare(text)
    return bool(said) and any(said == _bare_keyword(keyword) for keyword in keywords)


@lru_cache(maxsize=2048)
def _bare_keyword(keyword: str) -> str:
    """Kept: the same few are compared with every message."""
    return bare(keyword)


def _shown(char: str) -> str:
    """Nothing for what nobody sees: zero width, direction marks, control characters."""
    return "" if unicodedata.category(char) in {"Cf", "Cc"} and not char.isspace() else char


def _without_accents(text: str) -> str:
    parts = unicodedata.normalize("NFKD", text)
    return unicodedata.normalize("NFKC", "".join(part for part in parts if not _is_accent(part)))


def _is_accent(char: str) -> bool:
    """Accents and optional vowel points; not the signs without which Hindi, Thai or kana change."""
    combining_class = unicodedata.combining(char)
    return 10 <= combining_class <= 36 or combining_class >= 200


def _without_edges(text: str) -> str:
    start, end = 0, len(text)
    while start < end and _is_edge(text[start]):
        start += 1
    while start < end and _is_edge(text[end - 1]):
        end -= 1
    return text[start:end]


def _is_edge(char: str) -> bool:
    """Punctuation, spaces, emoji; also unassigned: emoji newer than this Python."""
    category = unicodedata.category(char)
    return category[0] in "PSZ" or category in {"Me", "Cn", "Co", "Cs"}


def _between_bars(*groups: str) -> tuple[str, ...]:
    """Each once: some words are the same in several languages."""
    phrases = (" ".join(phrase.split()) for group in groups for phrase in group.split("|"))
    return tuple(dict.fromkeys(phrase for phrase in phrases if phrase))


# Left out on purpose: what may answer a question or concern an order, a booking, a membership or a
# waiting list, such as cancel, end, quit, no, remove, baja, dar de baja, fin, basta, alto, sair,
# abbestellen, afmelden, dur, wypisz, rezygnuję, توقف (it has stopped), 退订; also `pare`, which is
# Polish for a few once its accent is gone.
OPT_OUT_WORDS = _between_bars(
    # English
    """
    stop | stop all | stopall | unsubscribe | unsubscribe me | opt out | opt-out | optout |
    stop messages | stop messaging me | stop texting me | stop writing to me | stop contacting me |
    stop promotions | no more messages | do not contact me | don't contact me |
    do not contact me again | don't contact me again | do not message me | don't message me |
    do not text me | don't text me | do not write to me | don't write to me |
    remove me from your mailing list | leave me alone
    """,
    # Spanish
    """
    parar | darme de baja | dame de baja | denme de baja | desuscribir | desuscribirme |
    detener mensajes | detener promociones | no más mensajes | no quiero más mensajes |
    no quiero recibir mensajes | no quiero recibir más mensajes | no me escribas | no me escriba |
    no me escriban | no me escribas más | no me escriba más | no me escriban más |
    no me contacten | no me contacten más | no me manden más mensajes | no me envíen más mensajes |
    deja de escribirme | deje de escribirme | dejen de escribirme
    """,
    # Portuguese
    """
    parar | sair da lista | sair da lista de transmissão | descadastrar | descadastrar-me |
    me descadastre | parar mensagens | parar promoções | pare de me mandar mensagens |
    parem de me mandar mensagens | pare de me enviar mensagens | parem de me enviar mensagens |
    não me mande mais mensagens | não me mandem mais mensagens | não me envie mais mensagens |
    não me enviem mais mensagens | não me escreva mais | não me escrevam mais |
    não quero receber mensagens | não quero mais receber mensagens |
    não quero receber mais mensagens
    """,
    # French
    """
    arrêt | arrêtez | stop pub | stop promos | désabonner | se désabonner | me désabonner |
    désabonnez-moi | désabonne-moi | désabonnement | ne m'écrivez plus | ne m'écris plus |
    ne me contactez plus | arrêtez de m'écrire | arrête de m'écrire | arrêter les messages |
    arrêter les promotions | je ne veux plus recevoir de messages
    """,
    # German
    """
    stopp | abmelden | newsletter abbestellen | keine nachrichten mehr |
    bitte keine nachrichten mehr | keine werbung mehr | schreiben sie mir nicht mehr |
    schreibt mir nicht mehr | schreib mir nicht mehr | nicht mehr schreiben |
    bitte nicht mehr schreiben | kontaktieren sie mich nicht mehr
    """,
    # Italian
    """
    disiscrivimi | disiscrivermi | disiscrivetemi | basta messaggi | non scrivetemi più |
    non scrivermi più | non mi scrivete più | non mi scriva più | non contattatemi più |
    non mi contattate più | non voglio più ricevere messaggi | interrompi promozioni
    """,
    # Dutch, Danish, Norwegian, Swedish
    """
    geen berichten meer | stuur me geen berichten meer | stuur mij geen berichten meer |
    app me niet meer | niet meer appen | stop met appen | stop med at skrive | ikke skriv til meg |
    skriv ikke til mig | skriv inte till mig | sluta skriva till mig | avprenumerera
    """,
    # Turkish
    """
    durdur | abonelikten çık | mesaj atma | mesaj atmayın | bana mesaj atmayın | bana yazmayın |
    artık yazmayın | artık mesaj atmayın | mesaj göndermeyin | mesaj istemiyorum
    """,
    # Indonesian, Malay
    """
    berhenti | jangan hubungi saya | jangan hubungi saya lagi | jangan chat saya lagi |
    jangan kirim pesan | jangan kirim pesan lagi | jangan hantar mesej lagi
    """,
    # Polish, Romanian
    """
    nie pisz do mnie | nie piszcie do mnie | nie piszcie do mnie więcej | nie piszcie więcej |
    proszę nie pisać | proszę do mnie nie pisać | nie wysyłajcie mi wiadomości | dezabonare |
    dezabonează-mă | dezabonați-mă | nu-mi mai scrieți | nu îmi mai scrieți
    """,
    # Russian, Ukrainian, Greek
    """
    стоп | отписаться | отпишите меня | отписка | не пиши мне | не пишите мне |
    не пишите мне больше | больше не пишите | больше мне не пишите | хватит мне писать |
    не присылайте мне сообщения | відписатися | не пишіть мені | не пишіть мені більше |
    більше не пишіть | στοπ | μη μου στέλνετε μηνύματα
    """,
    # Arabic, Hebrew
    """
    ستوب | أوقف الرسائل | أوقفوا الرسائل | إيقاف الرسائل | توقف عن مراسلتي | توقفوا عن مراسلتي |
    لا تراسلني | لا تراسلوني | لا ترسل لي رسائل | لا ترسلوا لي رسائل | הסר | הסר אותי |
    תסירו אותי | אל תכתבו לי | תפסיקו לכתוב לי
    """,
    # Hindi, also in Latin letters
    """
    स्टॉप | मैसेज मत करो | मैसेज मत भेजो | मुझे मैसेज मत करो | मुझे मैसेज मत करें | संदेश मत भेजो |
    मैसेज बंद करो | message mat karo | msg mat karo | message mat bhejo | mujhe message mat karo
    """,
    # Chinese, Japanese, Korean, Vietnamese
    """
    取消订阅 | 取消訂閱 | 不要再发消息了 | 配信停止 | 配信停止希望 | 수신거부 | 수신 거부 |
    ngừng nhận tin | đừng nhắn tin cho tôi nữa
    """,
)
"""Said to a shop, each can hardly mean anything but `write to me no more`."""

OPT_IN_WORDS = _between_bars(
    # English
    "start | unstop | subscribe | resubscribe | opt in | opt-in | optin | resume | restart",
    # Spanish, Portuguese
    """
    iniciar | empezar | comenzar | reanudar | suscribir | suscribirme | darme de alta |
    quiero recibir mensajes | começar | retomar | entrar na lista | quero receber mensagens
    """,
    # French, German, Italian, Dutch, Swedish
    """
    démarrer | reprendre | s'abonner | m'abonner | abonnez-moi | starten | anmelden |
    wieder anmelden | fortsetzen | inizia | iniziare | riprendi | iscrivimi | aanmelden |
    hervatten | starta
    """,
    # Turkish, Indonesian, Polish, Romanian
    """
    başla | başlat | abone ol | mulai | mula | berlangganan | wznów | zapisz mnie | abonare |
    abonează-mă
    """,
    # Russian, Ukrainian, Greek, Arabic, Hebrew, Hindi
    """
    старт | начать | возобновить | подписаться | підписатися | почати | σταρτ | ابدأ | ستارت |
    استئناف | התחל | חידוש | शुरू करो | शुरू करें | स्टार्ट | shuru karo
    """,
    # Chinese, Japanese, Korean
    "开始 | 開始 | 订阅 | 訂閱 | 配信再開 | 수신동의 | 수신 동의",
)
"""These count only for somebody who has opted out before."""
