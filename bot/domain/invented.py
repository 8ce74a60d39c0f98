"""What speech models say when nobody speaks.

Whisper and its kin have learnt from the subtitles of films and videos: for silence, noise and
music they write the credits and farewells that stood there. Only a whole transcript counts, and
only what no customer would say to a shop: `thank you`, `bye` or `music` alone are left alone,
though they are invented too.
"""

import re
import unicodedata

_PHRASES = (
    # English
    """
    Thanks for watching | Thank you for watching |
    Thanks for watching, and I'll see you in the next video |
    Thank you for watching, and I'll see you in the next video | Thank you so much for watching |
    Thank you very much for watching | Thank you all for watching |
    Thanks for watching this video | Thank you for watching this video |
    Thank you for watching my video | I'll see you in the next video | See you in the next video |
    Please subscribe | Please subscribe to my channel | Please subscribe to our channel |
    Subscribe to my channel | Subscribe to our channel | Don't forget to subscribe |
    Don't forget to like and subscribe | Please don't forget to like and subscribe |
    Like and subscribe | Please like and subscribe | Please like, share and subscribe |
    If you enjoyed this video, please subscribe to my channel | Transcribed by otter.ai |
    Transcribed by https://otter.ai | Transcription by CastingWords | Transcript by Rev.com |
    Transcript Emily Beynon | Subs by www.zeoranger.co.uk | www.mooji.org |
    Beadaholique.com for all of your beading supply needs |
    For more information, visit www.FEMA.gov | BF-WATCH TV
    """,
    # Spanish
    """
    Gracias por ver el vídeo | Gracias por ver este vídeo | Muchas gracias por ver el vídeo |
    Gracias por ver mi vídeo | Suscríbete | Suscríbete al canal | Suscríbete a mi canal |
    No olvides suscribirte | No olvides suscribirte al canal | No olvides suscribirte a mi canal |
    Nos vemos en el próximo vídeo | Más información en www.alimmenta.com |
    Más información www.alimmenta.com
    """,
    # Portuguese
    """
    Obrigado por assistir | Obrigada por assistir | Muito obrigado por assistir |
    Obrigado por assistir ao vídeo | Inscreva-se no canal | Se inscreva no canal |
    Não se esqueça de se inscrever no canal | Transcrição e Legendas Pedro Negri |
    Legendas Pedro Negri
    """,
    # French
    """
    Sous-titrage Société Radio-Canada | Sous-titrage ST' 501 | Sous-titrage FR |
    Sous-titrage MFP | Sous-titres par SousTitreur.com | par SousTitreur.com |
    Merci d'avoir regardé cette vidéo | Merci d'avoir regardé la vidéo | Abonnez-vous |
    Abonnez-vous à la chaîne | N'oubliez pas de vous abonner
    """,
    # German
    """
    Untertitel im Auftrag des ZDF | Untertitel im Auftrag des ZDF für funk |
    Untertitelung im Auftrag des ZDF | Untertitelung im Auftrag des ZDF für funk |
    Untertitel des ZDF | Untertitelung des ZDF | Untertitelung des ZDF für funk |
    Untertitelung. BR | Untertitel von Stephanie Geiges | Copyright WDR | Danke fürs Zuschauen |
    Vielen Dank fürs Zuschauen | Danke für's Zuschauen | Vielen Dank für's Zuschauen |
    Bis zum nächsten Video
    """,
    # Italian
    """
    Sottotitoli e revisione a cura di QTSS | Sottotitoli a cura di QTSS |
    Grazie per aver guardato il video | Grazie per la visione | Iscrivetevi al canale |
    Iscriviti al canale
    """,
    # Dutch and the Nordic languages
    """
    Bedankt voor het kijken naar deze video | TV GELDERLAND 2021 | Tekstning av Nicolai Winther |
    Danske tekster af Nicolai Winther | Undertekster av Ai-Media |
    Textning Stina Hedin www.btistudios.com
    """,
    # Polish, Czech
    """
    Dziękuję za obejrzenie | Dzięki za obejrzenie | Dziękuję za oglądanie | Zasubskrybuj kanał |
    Titulky vytvořil JohnyX
    """,
    # Russian, Ukrainian
    """
    Продолжение следует | Субтитры сделал DimaTorzok | Субтитры создавал DimaTorzok |
    Субтитры делал DimaTorzok | Субтитры добавил DimaTorzok |
    Редактор субтитров * Корректор А.Егорова | Редактор субтитров * Корректор А.Кулакова |
    Спасибо за просмотр | Всем спасибо за просмотр | Спасибо за просмотр и до новых встреч |
    Подписывайтесь на канал | Подпишись на канал | Подписывайтесь на мой канал |
    Ставьте лайки и подписывайтесь на канал | Дякую за перегляд | Дякуємо за перегляд |
    Дякую за перегляд і до нових зустрічей
    """,
    # Turkish
    """
    Altyazı M.K. | İzlediğiniz için teşekkürler | İzlediğiniz için teşekkür ederim |
    İzlediğiniz için teşekkür ederiz | Abone olmayı unutmayın | Kanalıma abone olmayı unutmayın
    """,
    # Arabic
    """
    ترجمة نانسي قنقر | اشتركوا في القناة | اشترك في القناة | لا تنسوا الاشتراك في القناة |
    شكرا للمشاهدة | شكرا على المشاهدة
    """,
    # Japanese
    """
    ご視聴ありがとうございました | ご視聴ありがとうございます | ご清聴ありがとうございました |
    ご覧いただきありがとうございます | ご覧いただきありがとうございました |
    最後までご視聴いただきありがとうございました | 最後までご視聴頂きありがとうございました |
    最後までご視聴ありがとうございました | チャンネル登録お願いします |
    チャンネル登録をお願いします | チャンネル登録をお願いいたします |
    チャンネル登録よろしくお願いします | 次の動画でお会いしましょう |
    また次の動画でお会いしましょう
    """,
    # Korean
    """
    MBC 뉴스 *입니다 | MBC 뉴스 | 시청해주셔서 감사합니다 | 시청해 주셔서 고맙습니다 |
    구독과 좋아요 부탁드립니다 | 구독 좋아요 부탁드립니다 | 한글자막 by 한효정 |
    다음 영상에서 만나요
    """,
    # Chinese
    """
    请不吝点赞 订阅 转发 | 请不吝点赞 订阅 转发 打赏支持明镜与点点栏目 | 請不吝點贊 訂閱 轉發 |
    請不吝點贊 訂閱 轉發 打賞支持明鏡與點點欄目 | 明镜与点点栏目 | 明鏡與點點欄目 |
    打赏支持明镜与点点栏目 | 打賞支持明鏡與點點欄目 |
    优优独播剧场 YoYo Television Series Exclusive |
    優優獨播劇場 YoYo Television Series Exclusive | YoYo Television Series Exclusive |
    中文字幕志愿者 李宗盛 | 中文字幕志願者 李宗盛 | 字幕志愿者 李宗盛 | 字幕by索兰娅 | 谢谢观看 |
    感谢观看 | 謝謝觀看 | 感謝觀看 | 谢谢大家观看 | 感谢您的观看 | 请订阅我的频道
    """,
    # Vietnamese, Indonesian, Hindi
    """
    Hãy subscribe cho kênh Ghiền Mì Gõ Để không bỏ lỡ những video hấp dẫn |
    Hãy subscribe cho kênh La La School Để không bỏ lỡ những video hấp dẫn |
    Hãy đăng ký kênh để ủng hộ kênh của mình nhé | Cảm ơn các bạn đã theo dõi và hẹn gặp lại |
    Cảm ơn các bạn đã xem video | Terima kasih telah menonton | Terima kasih sudah menonton |
    देखने के लिए धन्यवाद | वीडियो देखने के लिए धन्यवाद
    """,
)
"""Between bars; `*` stands for a name."""

_SUBTITLES = """
subtitles | translated | subtítulos | subtitulado | legendas | transcrição | sous-titres |
sous-titrage | untertitel | sottotitoli | ondertitel | ondertiteling | ondertiteld | undertexter |
undertekster | napisy | tłumaczenie | zdjęcia | titulky | feliratok | altyazı | субтитры |
субтитри | ترجمة | 字幕 | 小編字幕 | 자막
"""
"""Words that begin a credit of Amara.org, in one of its many forms."""

_AMARA_ENDS = """
community | gemeenschap | gemenskapen | fellesskapet | 社区提供 | 社區提供 | コミュニティ | 커뮤니티
"""

_SOUNDS = """
music | música | musik | musique | muzyka | muziek | müzik | музыка | музика | موسيقى |
音楽 | 音乐 | 音樂 | 음악 | applau | aplauso | аплодисменты | 拍手 | 掌声 | 박수 | laugh |
risas | risos | rires | смех | 笑 | silen | stille | тишина | 無音 | noise | ruido | bruit |
шум | blank_audio | no audio | sin audio | inaudible | unintelligible | foreign language |
beep | breathing | sigh | cough | typing | clicking | static | wind blowing
"""
"""Parts of the notes that are written in brackets for what is no speech."""

_NOTE = re.compile(r"[\[(（【*♪<]([^\])）】*♪>\n]{1,60})[\])）】*♪>]")


def is_invented(text: str) -> bool:
    """Whether a model made this up from silence or noise; empty text was not made up.

    True as well for nothing but signs such as `♪`, and for phrases one after another.
    """
    if not text.strip():
        return False
    spoken = _NOTE.sub(lambda note: " " if _is_sound(note[1]) else note[0], text)
    if not any(character.isalnum() for character in spoken):
        return True
    return _INVENTED.fullmatch(_letters(spoken)) is not None


def _is_sound(note: str) -> bool:
    return _SOUND.search(_letters(note)) is not None


def _letters(text: str) -> str:
    """The letters alone, without case, accents, digits, spaces and punctuation."""
    folded = unicodedata.normalize("NFKD", text.casefold()).casefold().replace("ı", "i")
    return "".join(character for character in folded if character.isalpha())


def _any_of(phrases: str) -> str:
    """The longest first, so that the first match is the right one."""
    known = {_pattern(phrase) for phrase in phrases.split("|")} - {""}
    return "|".join(sorted(known, key=len, reverse=True))


def _pattern(phrase: str) -> str:
    return r"\w{1,30}?".join(_letters(part) for part in phrase.split("*"))


_SOUND = re.compile(_any_of(_SOUNDS))
_AMARA = (
    rf"(?:(?:{_any_of(_SUBTITLES)})\w{{0,60}}?)?{_letters('Amara.org')}(?:{_any_of(_AMARA_ENDS)})?"
)
# Without going back over what was matched, so that no text takes long.
_INVENTED = re.compile(rf"(?>{_any_of('|'.join(_PHRASES))}|{_AMARA})++")
