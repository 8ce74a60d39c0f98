"""What speech models make up from silence, and what customers really say."""

import pytest

from bot.domain.invented import _PHRASES, is_invented

LISTED = [phrase.strip() for group in _PHRASES for phrase in group.split("|")]
PLAIN = [phrase for phrase in LISTED if "*" not in phrase]


@pytest.mark.parametrize("written", ["{0}", " {0}!\n", "({0})", "{0}. {0}. {0}.", "{0} {0}"])
def test_every_listed_phrase_is_invented_however_it_is_written(written: str) -> None:
    assert len(PLAIN) > 40
    assert [phrase for phrase in PLAIN if not is_invented(written.format(phrase))] == []
    assert [phrase for phrase in PLAIN if not is_invented(written.format(phrase.upper()))] == []


@pytest.mark.parametrize("written", ["{0}, two pizzas", "two pizzas. {0}", "{0} xyz {0}"])
def test_no_listed_phrase_makes_the_words_beside_it_invented(written: str) -> None:
    assert [phrase for phrase in PLAIN if is_invented(written.format(phrase))] == []


@pytest.mark.parametrize(
    "text",
    [
        "Subtitles by the Amara.org community",
        "❤️ Translated by Amara.org Community",
        "Subtítulos realizados por la comunidad de Amara.org",
        "Legendas pela comunidade Amara.org",
        "Sous-titres réalisés para la communauté d'Amara.org",
        "Untertitel der Amara.org-Community",
        "Sottotitoli creati dalla comunità Amara.org",
        "Ondertitels ingediend door de Amara.org gemeenschap",
        "Napisy stworzone przez społeczność Amara.org",
        "字幕由Amara.org社区提供",
        "小編字幕由Amara.org社區提供",
        "Субтитры создавал DimaTorzok",
        "Редактор субтитров А.Семкин Корректор А.Егорова",
        "MBC 뉴스 이덕영입니다.",
        "MBC 뉴스 이덕영입니다. MBC 뉴스 김성현입니다.",
        "Untertitelung im Auftrag des ZDF für funk, 2017",
        "Sous-titrage ST'501",
        "Gracias por ver el video",
        "¡Suscríbete!",
        "请不吝点赞 订阅 转发 打赏支持明镜与点点栏目",
        "Thanks for watching! Please subscribe to my channel. Thanks for watching!",
        "[Music]",
        "(upbeat music)",
        "*Música*",
        "【音楽】",
        "[BLANK_AUDIO]",
        "[ Silence ] [ Silence ]",
        "♪ music ♪",
        "[Music] Thanks for watching! [Applause]",
        "♪",
        "♪♪♪",
        "...",
        " . ",
        "\u200b…",
    ],
)
def test_what_models_make_of_silence_is_invented(text: str) -> None:
    assert is_invented(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "  \n",
        "Thank you.",
        "Thank you so much!",
        "Thank you. Thank you. Thank you.",
        "Thanks",
        "you",
        "Bye.",
        "bye bye",
        "Okay",
        "So",
        "Yes",
        "No.",
        "Hello?",
        "Gracias",
        "Muchas gracias",
        "Obrigado",
        "Merci",
        "Merci beaucoup",
        "Danke",
        "Vielen Dank.",
        "Grazie mille",
        "Dziękuję",
        "Спасибо",
        "Теşekkürler",
        "شكرا",
        "ありがとうございました",
        "おやすみなさい",
        "감사합니다",
        "谢谢",
        "Hasta luego",
        "See you next time",
        "12",
        "37, please",
        "(416) 555-1234",
        "music",
        "Music!",
        "Do you sell music?",
        "[Music] Thank you.",
        "[Music] two pizzas please",
        "(the big one)",
        "♪ happy birthday to you ♪",
        "wind",
        "subtitles",
        "Necesito subtítulos para mi vídeo",
        "Can you translate this? It's on amara.org",
        "I saw it on your channel, thanks for watching my dog",
        "Thanks for watching the house, when do you come back?",
        "Please subscribe me to the newsletter",
        "Quiero darme de baja, no me suscribí",
        "ich habe die Sendung im ZDF gesehen",
        "Продолжение следует завтра?",
        "MBC 뉴스에 나온 가게 맞나요?",
        "x" * 20_000,
    ],
    ids=lambda text: text[:40],
)
def test_what_a_customer_may_say_is_not_invented(text: str) -> None:
    assert not is_invented(text)
