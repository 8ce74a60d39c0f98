"""Places, contact cards, reactions, edits and deletions: how the stand-in line tells of them."""

import asyncio

import pytest

from tests.sandbox_calls import bubbles, received, upload
from tests.sandbox_server import ANA, browser_session, running

pytestmark = pytest.mark.slow


async def test_a_place_and_a_contact_card_have_the_lines_shapes() -> None:
    async with running() as site, browser_session(site) as client:
        point = {"customer": ANA, "latitude": 40.4154, "longitude": -3.7074}
        place = point | {"name": " Plaza ", "address": ""}
        card = {"customer": ANA, "name": "Eva", "phones": ["+1 555 010 0777", " x "]}
        assert (await client.post("/sandbox/location", json=place)).status_code == 201
        assert (await client.post("/sandbox/contact", json=card)).status_code == 201
        told = {each["type"]: each for each in await received(site, 2)}
        assert told["location"]["location"] == {
            "latitude": 40.4154,
            "longitude": -3.7074,
            "name": "Plaza",
        }
        assert told["contact"]["contact"] == {"name": "Eva", "phones": ["+1 555 010 0777", "x"]}
        assert not {"text", "media", "caption"} & {*told["location"], *told["contact"]}
        wrong: list[tuple[str, object]] = [
            ("location", point | {"latitude": 90.1}),
            ("location", point | {"longitude": "NaN"}),
            ("contact", card | {"phones": []}),
            ("contact", card | {"phones": [" "]}),
            ("contact", card | {"name": " "}),
        ]
        for path, body in wrong:
            answer = await client.post(f"/sandbox/{path}", json=body)
            assert answer.status_code == 422, body


async def test_a_reaction_names_its_message_and_can_be_taken_back() -> None:
    async with running() as site, browser_session(site) as client:
        sent = (await site.reply(ANA, "Your cake is ready.")).json()["id"]
        for count, emoji in ((1, "❤️"), (1, "❤️"), (2, "")):
            body = {"customer": ANA, "message_id": sent, "emoji": emoji}
            assert (await client.post("/sandbox/reaction", json=body)).status_code == 200
            told = await received(site, count)
        assert [(each["type"], each["reaction"]) for each in told] == [
            ("reaction", {"emoji": "❤️", "message_id": sent}),
            ("reaction", {"emoji": "", "message_id": sent}),
        ]
        assert len({sent, *(each["id"] for each in told)}) == 3
        assert [each["reaction"] for each in await bubbles(client)] == [""]
        body = {"customer": ANA, "message_id": sent, "emoji": "x" * 17}
        assert (await client.post("/sandbox/reaction", json=body)).status_code == 422


async def test_an_edit_and_a_deletion_name_the_message() -> None:
    async with running() as site, browser_session(site) as client:
        photo = (await upload(client, "image", caption="thsi one")).json()["id"]
        about = {"customer": ANA, "message_id": photo}
        edit = about | {"text": "this one"}
        assert (await client.post("/sandbox/edit", json=edit)).status_code == 200
        assert (await client.post("/sandbox/edit", json=edit)).status_code == 200
        assert await received(site, 1, "message.edited") == [
            {"id": photo, "from": ANA, "text": "this one"}
        ]
        assert (await client.post("/sandbox/delete", json=about)).status_code == 200
        assert await received(site, 1, "message.deleted") == [{"id": photo, "from": ANA}]
        [bubble] = await bubbles(client)
        assert (bubble["text"], bubble["content"], bubble["deleted"]) == ("", None, True)
        for path, body in (("edit", edit), ("delete", about), ("reaction", about | {"emoji": "x"})):
            again = await client.post(f"/sandbox/{path}", json=body)
            assert (again.status_code, again.json()["error"]) == (409, "deleted")


async def test_only_own_words_can_be_changed() -> None:
    async with running() as site, browser_session(site) as client:
        theirs = (await site.reply(ANA, "Until six.")).json()["id"]
        voice = (await upload(client, "voice", mime_type="audio/ogg")).json()["id"]
        cases = [
            ("edit", theirs, 422),
            ("delete", theirs, 422),
            ("edit", voice, 422),
            ("edit", "msg_unknown", 404),
            ("delete", "msg_unknown", 404),
        ]
        for path, message_id, status in cases:
            body = {"customer": ANA, "message_id": message_id}
            more = {"text": "x"} if path == "edit" else {}
            answer = await client.post(f"/sandbox/{path}", json=body | more)
            assert answer.status_code == status, path
        assert not site.of("message.edited") + site.of("message.deleted")


async def test_changes_wait_for_the_line_and_a_refused_one_is_noted() -> None:
    async with running() as site, browser_session(site) as client:
        said = {"customer": ANA, "text": "helo"}
        message_id = (await client.post("/sandbox/messages", json=said)).json()["id"]
        await received(site)
        await client.post("/sandbox/line", json={"state": "disconnected"})
        change = {"customer": ANA, "message_id": message_id}
        await client.post("/sandbox/edit", json=change | {"text": "hello"})
        assert not site.of("message.edited")
        await client.post("/sandbox/line", json={"state": "ready"})
        await received(site, 1, "message.edited")
        site.statuses = [422]
        await client.post("/sandbox/reaction", json=change | {"emoji": "👍"})
        async with asyncio.timeout(10):
            while "given up" not in (await bubbles(client))[0]["note"]:
                await asyncio.sleep(0.01)
        assert (await bubbles(client))[0]["tick"] == "delivered"
