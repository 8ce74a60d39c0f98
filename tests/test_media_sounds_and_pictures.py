"""What is heard and seen in files, and what their senders did to them."""

import asyncio
import io
import wave
from pathlib import Path

import pytest
from PIL import Image

from bot.adapters.media_reader.types import sniff
from bot.errors import BadMedia
from tests import samples
from tests.reading import Put, heard, problem, reader, seen, writer
from tests.samples import hostile

pytestmark = pytest.mark.slow


@pytest.fixture
def put(tmp_path: Path) -> Put:
    return writer(tmp_path)


async def test_sounds_that_services_take_are_passed_on_as_they_came(put: Put) -> None:
    notes = {
        "audio/ogg": samples.voice_ogg(),
        "audio/mpeg": samples.voice_mp3(),
        "audio/mp4": samples.voice_m4a(),
        "audio/wav": samples.voice_wav(),
        "audio/webm": samples.voice_webm(),
    }
    sounds = await asyncio.gather(*(heard(put(note)) for note in notes.values()))
    assert {sound.media_type: sound.data for sound in sounds} == notes
    assert [sound.duration_s for sound in sounds] == pytest.approx([2.0] * 5, abs=0.1)


async def test_a_container_for_films_without_a_film_is_a_voice_note(put: Put) -> None:
    chromium, mp4 = await asyncio.gather(
        heard(put(samples.chromium_webm())), heard(put(samples.voice_mp4()))
    )
    assert (chromium.media_type, chromium.data) == ("audio/webm", samples.chromium_webm())
    assert (mp4.media_type, mp4.data) == ("audio/mp4", samples.voice_mp4())
    assert chromium.duration_s == pytest.approx(1.5, abs=0.1)


@pytest.mark.parametrize(
    "names",
    [
        ("video_mp4", "voice_amr"),
        pytest.param(
            ("video_webm", "video_3gp", "video_mov", "voice_3gp", "voice_flac", "voice_aac"),
            marks=pytest.mark.slow,
        ),
    ],
)
async def test_any_other_sound_becomes_a_small_ogg_file(put: Put, names: tuple[str, ...]) -> None:
    originals = [put(getattr(samples, name)()) for name in names]
    sounds = await asyncio.gather(*(heard(path) for path in originals))
    again = await heard(put(sounds[0].data))
    assert {sound.media_type for sound in sounds} == {"audio/ogg"}
    assert again.duration_s == pytest.approx(sounds[0].duration_s, abs=0.05)
    assert all(sniff(put(sound.data), None) == "audio/ogg" for sound in sounds)
    assert all(0.9 < sound.duration_s < 2.2 for sound in sounds)
    assert all(len(sound.data) < 5_000 * sound.duration_s for sound in sounds)


async def test_what_nobody_can_understand_is_told_apart(put: Put) -> None:
    readers = reader(max_seconds=3)
    notes = (
        samples.silence_ogg(),
        samples.voice_ogg(0.2),
        samples.video_mp4(sound=False),
        hostile.mp4_that_lies(5),
    )
    problems = await asyncio.gather(*(problem(heard(put(note), readers)) for note in notes))
    assert problems == ["silent", "too_short", "no_sound", "too_long"]


async def test_the_length_is_known_before_anything_is_decoded(put: Put) -> None:
    with pytest.raises(BadMedia, match=r"^30 min 0 s of sound, 15 min 0 s at most") as error:
        await heard(put(samples.hours_ogg(0.5)))
    assert error.value.problem == "too_long"


@pytest.mark.slow
async def test_three_hours_are_called_three_hours(put: Put) -> None:
    with pytest.raises(BadMedia, match=r"^3 h 0 min of sound"):
        await heard(put(samples.hours_ogg(3)))


@pytest.mark.slow
async def test_a_sound_that_is_too_big_to_send_is_made_smaller(put: Put) -> None:
    out = io.BytesIO()
    with wave.open(out, "wb") as file:
        file.setparams((2, 2, 48_000, 0, "NONE", ""))
        file.writeframes((b"\x10\x27" * 200 + b"\xf0\xd8" * 200) * 28_000)
    sound = await heard(put(out.getvalue()))
    assert len(out.getvalue()) > 20_000_000
    assert (sound.media_type, len(sound.data) < 1_000_000) == ("audio/ogg", True)
    assert sound.duration_s == pytest.approx(len(out.getvalue()) / 192_000, abs=0.1)


async def test_a_damaged_voice_note_is_heard_as_far_as_it_goes(put: Put) -> None:
    sound = await heard(put(hostile.cut_off(samples.voice_ogg())))
    assert sound.duration_s == pytest.approx(1.0, abs=0.1)


@pytest.mark.slow
async def test_noise_is_no_sound_whatever_it_begins_with(put: Put) -> None:
    beginnings = {
        "audio/ogg": b"OggS\0\2",
        "audio/mpeg": b"ID3\4\0\0\0\0\0\0\xff\xfb\x90\x44",
        "audio/amr": b"#!AMR\n",
        "video/webm": samples.voice_webm()[:200],
        "video/mp4": samples.voice_mp4()[:40],
        "audio/wav": samples.voice_wav()[:44],
    }
    readers = reader()
    problems = await asyncio.gather(
        *(
            problem(readers.sound(put(hostile.noise_after(head, 4_000)), media_type))
            for media_type, head in beginnings.items()
        )
    )
    assert problems == ["unreadable"] * len(beginnings)


async def test_what_a_sound_is_is_never_guessed_a_second_time(put: Put) -> None:
    mp3 = put(samples.voice_mp3())
    listed = put(hostile.playlist(str(mp3)))
    readers = reader()
    assert await problem(readers.sound(mp3, "audio/ogg")) == "unreadable"
    assert await problem(readers.sound(listed, "audio/mpeg")) == "unreadable"
    assert await problem(readers.sound(listed, "text/plain")) == "unreadable"


async def test_photos_are_turned_upright(put: Put) -> None:
    orientations = {1: "top", 3: "bottom", 6: "right", 8: "left"}
    photos = [put(samples.photo_jpeg(orientation=number)) for number in orientations]
    found = await asyncio.gather(*(seen(photo) for photo in photos))
    assert [_side_of_red(image) for image in found] == list(orientations.values())


def _side_of_red(image: Image.Image) -> str:
    width, height = image.size
    places = {
        "top": (width // 2, 9),
        "bottom": (width // 2, height - 9),
        "left": (9, height // 2),
        "right": (width - 9, height // 2),
    }
    red = {side for side, place in places.items() if _near(image.getpixel(place), (254, 0, 0))}
    beside = {"top", "bottom"} if width > height else {"left", "right"}
    return ", ".join(sorted(red & beside))


def _near(colour: object, wanted: tuple[int, int, int]) -> bool:
    assert isinstance(colour, tuple)
    return all(abs(have - want) < 8 for have, want in zip(colour, wanted, strict=True))


async def test_a_photo_is_made_to_fit_and_a_small_one_stays(put: Put) -> None:
    large = put(samples.noise_jpeg(2000, 1500))
    usual, tiny, small = await asyncio.gather(
        reader().picture(large),
        reader(picture_bytes=20_000).picture(large),
        seen(put(samples.photo_png(1, 1))),
    )
    assert Image.open(io.BytesIO(usual.data)).size == (1536, 1152)
    assert len(usual.data) <= 1_000_000
    assert len(tiny.data) <= 20_000
    assert small.size == (1, 1)


async def test_nothing_of_where_and_how_it_was_taken_is_left(put: Put) -> None:
    original = samples.photo_jpeg()
    data = (await reader().picture(put(original))).data
    for secret in (b"Secret Camera", b"a secret comment", b"Exif"):
        assert (secret in original, secret in data) == (True, False)


async def test_what_is_transparent_is_white_and_what_moves_stands_still(put: Put) -> None:
    sticker, ghost, gif, webp = await asyncio.gather(
        *(seen(put(picture)) for picture in (samples.sticker_webp(), _ghost())),
        *(seen(put(moving())) for moving in (samples.moving_gif, samples.moving_sticker_webp)),
    )
    assert _near(sticker.getpixel((2, 2)), (255, 255, 255))
    assert _near(sticker.getpixel((256, 256)), (0, 128, 0))
    assert _near(ghost.getpixel((2, 2)), (255, 255, 255))
    assert _near(gif.getpixel((32, 32)), (254, 0, 0))
    assert _near(webp.getpixel((32, 32)), (254, 0, 0))


def _ghost() -> bytes:
    return samples.photo_png(transparent=True)


async def test_giants_are_refused_before_they_are_decoded(put: Put) -> None:
    readers = reader(memory_bytes=400_000_000)
    giants = [
        hostile.png_that_announces(50_000, 50_000),
        hostile.png_that_announces(7_100, 7_100),
        hostile.gif_that_announces(65_535, 65_535),
    ]
    problems = await asyncio.gather(*(problem(readers.picture(put(giant))) for giant in giants))
    assert problems == ["too_large"] * 3


async def test_broken_strange_and_disguised_pictures_are_unreadable(put: Put) -> None:
    readers = reader()
    broken = [
        hostile.cut_off(samples.photo_jpeg()),
        hostile.noise_after(samples.sticker_webp()[:40]),
        hostile.png_with_text_bomb(),
        hostile.svg(),
        b"P6\n1 1\n255\n\xff\0\0",
    ]
    problems = await asyncio.gather(*(problem(readers.picture(put(file))) for file in broken))
    assert problems == ["unreadable"] * len(broken)


async def test_of_a_file_that_is_two_things_only_the_picture_is_left(put: Put) -> None:
    both = put(hostile.photo_that_is_a_page())
    data = (await reader().picture(both)).data
    assert sniff(both, "page.html") == "image/jpeg"
    assert b"script" not in data
    assert b"PK" not in data


async def test_only_the_first_of_very_many_frames_is_looked_at(put: Put) -> None:
    assert (await seen(put(hostile.gif_of_many_frames()))).size == (2, 2)
