"""Everything a customer can send, through the whole bot: webhook, host, speech service, model."""

from collections.abc import Callable
from typing import Any

import httpx
import pytest

from bot.domain.media import DOCX
from tests.conftest import NewBot
from tests.harness import Answer, Bot, Customer, Gate, eventually, say
from tests.harness.bot_process import PROMPT, UNSUPPORTED
from tests.harness.llm import pictures_of, words_of
from tests.samples import hostile, papers, photos, voices

ON_ONE_DATABASE = True
UNHEARD = "I could not understand your voice note. Can you write it?"
SETTINGS = {
    "conversation": {"quiet_period_s": 0, "max_wait_s": 5},
    "retry": {"max_attempts": 3, "base_delay_s": 0.05, "max_delay_s": 0.2},
}
PROMPTS = {"default": f"{PROMPT}unheard: |\n  {UNHEARD}\n"}

JPEG = b"\xff\xd8\xff"


def voice(bot: Bot, seconds: float = 2) -> dict[str, Any]:
    """A voice note that nobody has sent before."""
    return bot.media.serve(voices.voice_ogg(seconds), media_type="audio/ogg; codecs=opus")


def last_content(bot: Bot, about: str) -> Any:
    return bot.llm.messages_about(about)[-1][-1]["content"]


async def test_a_voice_note_is_answered_by_what_was_said(bot: Bot) -> None:
    ana = bot.provider.customer()
    bot.speech.hears("¿Tienen pan de limón?", "es")
    media = voice(bot, 1.5)
    await ana.sends("voice", media)
    (answer,) = await ana.reads()
    assert "¿Tienen pan de limón?" in answer
    assert bot.media.fetches(media) == 1
    message = (await bot.messages(ana))[0]
    assert message["transcript"] == "¿Tienen pan de limón?"
    assert message["language"] == "es"
    assert message["duration_s"] == pytest.approx(1.5, abs=0.1)
    assert message["type"] == "voice"
    assert message["media"]["service"] == "deepgram"
    assert message["media"]["fetch_ms"] >= 0
    assert message["media"]["read_ms"] > 0


async def test_the_speech_service_gets_the_bytes_as_what_they_are(bot: Bot) -> None:
    ana = bot.provider.customer()
    data = voices.voice_mp3(2.2)
    # Announced as what it is not.
    await ana.sends("voice", bot.media.serve(data, media_type="audio/ogg"))
    await ana.reads()
    upload = bot.speech.heard[-1]
    assert (upload.data, upload.media_type) == (data, "audio/mpeg")


async def test_the_same_voice_note_is_paid_for_once(bot: Bot) -> None:
    ana, ben = bot.provider.customer(), bot.provider.customer()
    bot.speech.hears("forwarded to everybody")
    data = voices.voice_ogg(3.3)
    for customer in (ana, ben):
        await customer.sends("voice", bot.media.serve(data, media_type="audio/ogg"))
        assert "forwarded to everybody" in (await customer.reads())[0]
    assert [upload.data for upload in bot.speech.heard].count(data) == 1


async def test_three_voice_notes_in_a_row_get_one_answer_that_has_heard_all(bot: Bot) -> None:
    ana = bot.provider.customer()
    gate = Gate()
    notes = [voice(bot, 1 + part / 10) for part in range(3)]
    # The first one comes last.
    bot.media.plan_fetches(Answer(200, voices.voice_ogg(1.0), gate=gate), media=notes[0])
    bot.speech.hears("a part of it")
    for note in notes:
        await ana.sends("voice", note)
    await eventually(lambda: [u.service for u in bot.speech.heard][-2:] == ["deepgram"] * 2)
    gate.open()
    (answer,) = await ana.reads()
    assert answer.count("a part of it") == 3
    assert len(ana.attempts) == 1


async def test_a_photo_and_its_question_are_seen_together(bot: Bot) -> None:
    ana = bot.provider.customer()
    gate = Gate()
    media = bot.media.serve(photos.photo_jpeg(801, 600), media_type="image/jpeg")
    bot.media.plan_fetches(Answer(200, photos.photo_jpeg(801, 600), gate=gate), media=media)
    await ana.sends("image", media, caption="this one")
    await ana.writes("how much is it?")
    gate.open()
    await ana.reads()
    content = last_content(bot, "how much is it?")
    assert len(pictures_of(content)) == 1
    assert pictures_of(content)[0].startswith(JPEG)
    assert "this one" in words_of(content)
    assert len(ana.attempts) == 1


async def test_a_photo_is_still_seen_at_the_next_question(bot: Bot) -> None:
    ana = bot.provider.customer()
    media = bot.media.serve(photos.photo_png(331, 240), media_type="image/png")
    await ana.sends("image", media)
    await ana.reads()
    await ana.writes("and the one on the left?")
    await ana.reads(2)
    messages = bot.llm.messages_about("and the one on the left?")[-1]
    assert sum(len(pictures_of(message["content"])) for message in messages) == 1


async def test_a_model_that_refuses_pictures_is_asked_again_without(bot: Bot) -> None:
    ana = bot.provider.customer()
    media = bot.media.serve(photos.photo_png(341, 240), media_type="image/png")
    refusal = Answer(400, {"error": {"message": "image input is not supported"}})
    bot.llm.plan_calls(refusal, say("I can't see it."), about="[the customer sent a photo")
    await ana.sends("image", media, caption="no eyes")
    assert await ana.reads() == ["I can't see it."]
    assert pictures_of(last_content(bot, "no eyes")) == []
    await ana.writes("what did you see?")
    await ana.reads(2)
    (sent,) = bot.llm.messages_about("what did you see?")  # not offered, and refused, again
    assert not any(pictures_of(message["content"]) for message in sent)


async def test_a_photo_that_is_replied_to_is_shown_however_old(bot: Bot) -> None:
    ana = bot.provider.customer()
    media = bot.media.serve(photos.photo_png(361, 240), media_type="image/png")
    await ana.sends("image", media, id="msg_first_photo_361")
    await ana.reads()
    for width in range(362, 369):
        await ana.sends(
            "image", bot.media.serve(photos.photo_png(width, 240), media_type="image/png")
        )
        await ana.reads(width - 360)
    await ana.writes("how much is this one?", quoted={"id": "msg_first_photo_361"})
    await ana.reads(9)
    (sent,) = bot.llm.messages_about("how much is this one?")
    shown = [len(pictures_of(message["content"])) for message in sent if message["role"] == "user"]
    assert shown == [1, 0, 0, 1, 1, 1, 1, 1, 0]


async def test_a_pdf_is_read_and_its_name_is_only_a_name(bot: Bot) -> None:
    ana = bot.provider.customer()
    media = bot.media.serve(papers.pdf(["Order 4711: two cakes"]), media_type="application/pdf")
    await ana.sends("document", media | {"filename": "../../etc/order.pdf"}, caption="my order")
    (answer,) = await ana.reads()
    assert "Order 4711: two cakes" in answer
    assert '"order.pdf"' in answer
    assert ".." not in answer


async def test_a_scan_is_shown_as_pictures(bot: Bot) -> None:
    ana = bot.provider.customer()
    media = bot.media.serve(papers.scanned_pdf(2), media_type="application/pdf")
    await ana.sends("document", media, caption="a scan")
    await ana.reads()
    assert len(pictures_of(last_content(bot, "a scan"))) == 2


async def test_ten_documents_in_one_burst_each_have_their_say(bot: Bot) -> None:
    ana = bot.provider.customer()
    gate = Gate()
    held = bot.media.serve(
        papers.plain_text("document 0 " + "word " * 9000), media_type="text/plain"
    )
    body = papers.plain_text("document 0 " + "word " * 9000)
    bot.media.plan_fetches(Answer(200, body, gate=gate), media=held)
    await ana.sends("document", held)
    for number in range(1, 10):
        data = papers.plain_text(f"document {number} " + "word " * 9000)
        await ana.sends("document", bot.media.serve(data, media_type="text/plain"))
    gate.open()
    await ana.reads()
    (sent,) = bot.llm.messages_about("document 9 ")
    words = words_of(sent[-1]["content"])
    assert all(f"document {number} " in words for number in range(10))
    assert words.count("characters of its text]") == 10
    assert len(words) < 6000 * 4


async def test_a_place_comes_with_its_coordinates_and_a_map(bot: Bot) -> None:
    ana = bot.provider.customer()
    place = {"latitude": 40.4168, "longitude": -3.7038, "name": "Puerta del Sol"}
    await ana.sends("location", location=place)
    (answer,) = await ana.reads()
    assert "Puerta del Sol" in answer
    assert "https://www.google.com/maps?q=40.416800,-3.703800" in answer


async def test_a_contact_card_is_told_by_name_and_number(bot: Bot) -> None:
    ana = bot.provider.customer()
    await ana.sends("contact", contact={"name": "Olga", "phones": ["+34600111222"]})
    (answer,) = await ana.reads()
    assert "Olga" in answer
    assert "+34600111222" in answer


async def test_a_reaction_starts_no_turn_and_stands_in_the_history(bot: Bot) -> None:
    ana = bot.provider.customer()
    await ana.writes("are you open?")
    await ana.reads()
    theirs = ana.attempts[0].provider_id
    reaction = await ana.sends("reaction", reaction={"emoji": "👍", "message_id": theirs})
    (event,) = await bot.handled(reaction)
    assert event["state"] == "skipped"
    await ana.writes("good to know")
    await ana.reads(2)
    assert "[the customer reacted with 👍 to:" in words_of(last_content(bot, "good to know"))


async def test_a_video_is_told_with_what_is_said_in_it(bot: Bot) -> None:
    ana = bot.provider.customer()
    bot.speech.hears("look at this crack")
    await ana.sends("video", bot.media.serve(voices.video_mp4(), media_type="video/mp4"))
    (answer,) = await ana.reads()
    assert "a video" in answer
    assert "look at this crack" in answer


async def test_a_video_without_sound_is_told_as_such(bot: Bot) -> None:
    ana = bot.provider.customer()
    data = voices.video_mp4(sound=False)
    await ana.sends("video", bot.media.serve(data, media_type="video/mp4"))
    (answer,) = await ana.reads()
    assert "which has no sound" in answer


async def test_a_sticker_is_shown(bot: Bot) -> None:
    ana = bot.provider.customer()
    await ana.sends("sticker", bot.media.serve(photos.sticker_webp(), media_type="image/webp"))
    await ana.reads()
    calls = [m for m in bot.llm.messages_about("a sticker") if pictures_of(m[-1]["content"])]
    assert len(calls) == 1


@pytest.mark.parametrize(
    ("data", "what"),
    [
        pytest.param(voices.silence_ogg(2), "silent", id="silence"),
        pytest.param(voices.voice_ogg(0.1), "too_short", id="too short"),
        pytest.param(hostile.noise_after(b"OggS"), "unreadable", id="noise"),
    ],
)
async def test_a_voice_note_without_words_gets_the_prompts_own_words(
    bot: Bot, data: bytes, what: str
) -> None:
    ana = bot.provider.customer()
    before = len(bot.speech.heard)
    await ana.sends("voice", bot.media.serve(data, media_type="audio/ogg"))
    assert await ana.reads() == [UNHEARD]
    assert (await bot.messages(ana))[0]["media"]["problem"] == what
    assert len(bot.speech.heard) == before


BAD: dict[str, tuple[str, Callable[[], bytes], str, str]] = {
    "zero bytes": ("image", bytes, "image/png", "which is empty"),
    "another container": ("image", lambda: voices.voice_ogg(2.05), "image/png", "is said in it"),
    "a locked pdf": ("document", papers.encrypted_pdf, "application/pdf", "locked with a password"),
    "a locked office file": ("document", papers.protected_office, "application/msword", "locked"),
    "5,000 pages": (
        "document",
        lambda: papers.pdf([f"page {number}" for number in range(1, 5001)]),
        "application/pdf",
        "left out: pages 201 to 5000",
    ),
    "an endless line": (
        "document",
        lambda: b"a,b," * 500_000,
        "text/csv",
        "characters of its text",
    ),
    "a picture with a script": ("image", hostile.svg, "image/svg+xml", "can't be opened here"),
    "a page of its own": ("document", hostile.html, "text/html", "can't be opened here"),
    "50,000 x 50,000": (
        "image",
        lambda: hostile.png_that_announces(50_000, 50_000),
        "image/png",
        "too large to be opened here",
    ),
    "a zip bomb": ("document", hostile.docx_bomb, DOCX, "opened here"),
}


@pytest.mark.parametrize("case", BAD)
async def test_a_bad_file_gets_one_honest_answer(bot: Bot, case: str) -> None:
    kind, make, announced, words = BAD[case]
    ana = bot.provider.customer()
    await ana.sends(kind, bot.media.serve(make(), media_type=announced), caption=f"case {case}")
    await ana.reads()
    (sent,) = bot.llm.messages_about(f"case {case}")
    assert words in words_of(sent[-1]["content"])
    await bot.handled(*await ana.writes(f"thank you for {case}"))
    assert len(bot.llm.messages_about(f"thank you for {case}")) == 1


async def test_three_hours_of_voice_are_not_paid_for(bot: Bot) -> None:
    ana = bot.provider.customer()
    before = len(bot.speech.heard)
    await ana.sends("voice", bot.media.serve(voices.hours_ogg(3), media_type="audio/ogg"))
    assert await ana.reads() == [UNHEARD]
    assert (await bot.messages(ana))[0]["media"]["problem"] == "too_long"
    assert len(bot.speech.heard) == before


async def test_what_speech_models_invent_from_noise_is_dropped(bot: Bot) -> None:
    ana = bot.provider.customer()
    bot.speech.hears("Subtítulos realizados por la comunidad de Amara.org")
    await ana.sends("voice", voice(bot, 2.6))
    assert await ana.reads() == [UNHEARD]


async def test_beside_words_a_voice_note_without_words_is_a_note_to_the_model(bot: Bot) -> None:
    ana = bot.provider.customer()
    gate = Gate()
    media = bot.media.serve(voices.silence_ogg(2.5), media_type="audio/ogg")
    bot.media.plan_fetches(Answer(200, voices.silence_ogg(2.5), gate=gate), media=media)
    await ana.sends("voice", media)
    await ana.writes("did you hear me?")
    gate.open()
    (answer,) = await ana.reads()
    assert "in which nothing is said" in answer
    assert "did you hear me?" in answer


async def test_a_refused_voice_note_gets_the_prompts_own_words(bot: Bot) -> None:
    ana = bot.provider.customer()
    bot.speech.plan(Answer(400, {"err_code": "Bad Request", "err_msg": "corrupt"}))
    await ana.sends("voice", voice(bot, 2.7))
    assert await ana.reads() == [UNHEARD]


async def test_a_wrong_hash_is_answered_and_a_dead_letter(bot: Bot) -> None:
    ana = bot.provider.customer()
    media = bot.media.serve(photos.photo_png(351, 240), media_type="image/png")
    event_id = await ana.sends("image", media | {"sha256": "0" * 64}, caption="what is this?")
    (answer,) = await ana.reads()
    assert "which arrived damaged" in answer
    assert pictures_of(last_content(bot, "what is this?")) == []
    (event,) = await bot.handled(event_id)
    assert event["state"] == "dead"
    assert "wrong_hash" in event["error"]
    assert (await bot.messages(ana))[0]["media_url"] is None


async def test_nothing_is_fetched_from_other_hosts(bot: Bot) -> None:
    ana = bot.provider.customer()
    port = bot.llm.port
    before = len(bot.llm.requests)
    url = f"http://127.0.0.1:{port}/latest/meta-data"
    await ana.sends("image", {"url": url, "mime_type": "image/png"}, caption="elsewhere")
    await ana.reads()
    assert [r.path for r in bot.llm.requests[before:] if r.method == "GET"] == []


async def test_a_file_that_comes_late_is_fetched_in_the_end(bot: Bot) -> None:
    ana = bot.provider.customer()
    media = voice(bot, 2.8)
    bot.speech.hears("late but here")
    bot.media.plan_fetches(Answer(404), Answer(503), media=media)
    await ana.sends("voice", media)
    assert "late but here" in (await ana.reads())[0]


async def test_a_file_that_never_comes_holds_up_nothing_else(bot: Bot) -> None:
    ana = bot.provider.customer()
    media = voice(bot, 2.9)
    bot.media.plan_fetches(*[Answer(404)] * 3, media=media)
    await ana.sends("voice", media)
    await ana.writes("anybody there?")
    (answer,) = await ana.reads()
    assert "anybody there?" in answer
    assert "which did not arrive" in answer


async def test_the_speech_service_being_away_loses_nothing(bot: Bot) -> None:
    ana = bot.provider.customer()
    bot.speech.hears("finally")
    await bot.speech.down()
    await ana.sends("voice", voice(bot, 3.1))
    await bot.media_is(ana, "stored", with_error=True)
    await ana.writes("hello?")
    assert "which is not opened yet" in (await ana.reads())[0]
    await bot.speech.up()
    assert "finally" in (await ana.reads(2))[1]


async def test_media_are_fetched_while_a_person_has_the_conversation(bot: Bot) -> None:
    ana = bot.provider.customer()
    await ana.writes("hello")
    await ana.reads()
    conversation = (await bot.conversation(ana))["id"]
    await bot.api("POST", f"/api/conversations/{conversation}/pause", {})
    bot.speech.hears("for the person")
    await ana.sends("voice", voice(bot, 3.2))
    await bot.media_is(ana, "ready")
    assert (await bot.messages(ana))[-1]["transcript"] == "for the person"
    assert len(ana.attempts) == 1
    await bot.api("POST", f"/api/conversations/{conversation}/resume", {})
    await ana.writes("are you back?")
    await ana.reads(2)
    (sent,) = bot.llm.messages_about("are you back?")
    assert any("for the person" in words_of(message["content"]) for message in sent)


async def test_an_unknown_type_is_told_once_and_not_each_time(bot: Bot) -> None:
    ana = bot.provider.customer()
    await ana.sends("poll")
    assert await ana.reads() == [UNSUPPORTED]
    second = await ana.sends("poll")
    (event,) = await bot.handled(second)
    assert event["state"] == "skipped"
    assert ana.read == [UNSUPPORTED]


async def test_an_operator_hears_and_downloads_what_was_sent(bot: Bot) -> None:
    ana = bot.provider.customer()
    data = voices.voice_ogg(3.4)
    await ana.sends("voice", bot.media.serve(data, media_type="audio/ogg"))
    await ana.reads()
    url = (await bot.messages(ana))[0]["media_url"]
    response = await _download(bot, url)
    assert (response.status_code, response.content) == (200, data)
    assert response.headers["content-type"] == "audio/ogg"
    assert response.headers["x-content-type-options"] == "nosniff"
    part = await _download(bot, url, {"Range": "bytes=10-19"})
    assert (part.status_code, part.content) == (206, data[10:20])
    assert (await bot.http("GET", url)).status_code == 401


async def _download(bot: Bot, url: str, headers: dict[str, str] | None = None) -> httpx.Response:
    token = {"Authorization": "Bearer operator-token-of-the-tests"}
    return await bot.http("GET", url, headers=token | ({} if headers is None else headers))


@pytest.mark.slow
async def test_a_killed_process_neither_downloads_nor_transcribes_twice(new_bot: NewBot) -> None:
    bot = await new_bot(settings=SETTINGS, prompts=PROMPTS)
    ana = bot.provider.customer()
    media = voice(bot, 2.0)
    gate = Gate()
    bot.speech.plan(Answer(200, {}, gate=gate))
    await ana.sends("voice", media)
    await gate.reached()
    await bot.kill()
    gate.open()
    bot.speech.hears("said before the crash")
    await bot.start()
    assert "said before the crash" in (await ana.reads())[0]
    assert bot.media.fetches(media) == 1
    await eventually(lambda: _is_settled(bot, ana))
    await bot.kill()
    await bot.start()
    await ana.writes("and now?")
    await ana.reads(2)
    assert len(bot.speech.heard) == 2  # the one that was cut off, and the one that counted


async def _is_settled(bot: Bot, customer: Customer) -> bool:
    """Whether the bot knows that its answer has left."""
    return bool((await bot.messages(customer))[-1]["status"] == "sent")


@pytest.mark.slow
async def test_without_a_speech_service_a_voice_note_gets_the_prompts_own_words(
    new_bot: NewBot,
) -> None:
    settings = SETTINGS | {"speech": {"provider": "none"}}
    bot = await new_bot(settings=settings, prompts=PROMPTS)
    ana = bot.provider.customer()
    await ana.sends("voice", voice(bot))
    assert await ana.reads() == [UNHEARD]
    assert bot.speech.heard == []
    assert (await bot.messages(ana))[0]["media_url"] is not None


@pytest.mark.slow
async def test_another_service_is_asked_when_the_first_is_away(new_bot: NewBot) -> None:
    settings = SETTINGS | {"speech": {"fallback": ["openai"], "prices": {"openai": 0.6}}}
    bot = await new_bot(settings=settings, prompts=PROMPTS, start=False)
    bot.env["DEEPGRAM_BASE_URL"] = "http://127.0.0.1:9"
    bot.llm.plan(Answer(200, {"text": "heard elsewhere"}), when=_is_transcription)
    await bot.start()
    ana = bot.provider.customer()
    await ana.sends("voice", voice(bot, 2.0))
    assert "heard elsewhere" in (await ana.reads())[0]
    media = (await bot.messages(ana))[0]["media"]
    assert media["service"] == "openai"
    assert media["cost"] == pytest.approx(0.02, rel=0.1)


def _is_transcription(request: Any) -> bool:
    return bool(request.path == "/v1/audio/transcriptions")


@pytest.mark.slow
async def test_a_model_without_eyes_is_told_that_there_was_a_photo(new_bot: NewBot) -> None:
    settings = SETTINGS | {"llm": {"vision": False}}
    bot = await new_bot(settings=settings, prompts=PROMPTS)
    ana = bot.provider.customer()
    await ana.sends("image", bot.media.serve(photos.photo_jpeg(), media_type="image/jpeg"))
    (answer,) = await ana.reads()
    assert "which you can't see" in answer


@pytest.mark.slow
async def test_what_the_store_cannot_take_now_is_fetched_later(new_bot: NewBot) -> None:
    bot = await new_bot(settings=SETTINGS, prompts=PROMPTS, start=False)
    blocked = bot.folder / "data" / "media"
    blocked.parent.mkdir(parents=True)
    blocked.write_text("not a folder")
    await bot.start()
    ana: Customer = bot.provider.customer()
    bot.speech.hears("kept in the end")
    await ana.sends("voice", voice(bot))
    await bot.media_is(ana, "waiting", with_error=True)
    await ana.writes("hello?")
    await ana.reads()
    blocked.unlink()
    assert "kept in the end" in (await ana.reads(2))[1]
