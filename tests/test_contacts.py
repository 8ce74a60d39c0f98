"""Contacts as people, over HTTP and from the shell: export, erasure, block, private notes."""

import asyncio
import io
import json
import zipfile
from pathlib import Path
from typing import Any

import pytest

from tests.console_client import Console
from tests.harness import Answer, Bot, Customer, Gate, eventually, say
from tests.harness.bot_process import TOKEN
from tests.samples import photos, voices

SETTINGS = {"line_api": {"timeout_s": 5}}
ENV = {"OPERATOR_TOKEN": f"desk:{TOKEN},rosa:token-of-rosa"}
SECRET = "the blue bicycle behind the old mill"
HOSTILE = "<script>alert(1)</script><img src=x onerror=alert(2)>"


async def _met(bot: Bot, says: str = "good morning", *, line_id: str = "ln_test") -> Customer:
    customer = bot.provider.customer(line_id=line_id)
    await bot.handled(*await customer.writes(says))
    await customer.reads()
    return customer


async def _id(bot: Bot, customer: Customer) -> str:
    return str((await bot.conversation(customer))["id"])


async def _zip(bot: Bot, customer: Customer, **query: str) -> zipfile.ZipFile:
    headers = {"Authorization": f"Bearer {TOKEN}"}
    path = f"/api/contacts/{customer.number}/export"
    answer = await bot.http("GET", path, headers=headers, params=query)
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "application/zip"
    assert customer.number[1:] not in answer.headers["content-disposition"]
    return zipfile.ZipFile(io.BytesIO(answer.content))


async def _erase(bot: Bot, customer: Customer) -> Any:
    return await bot.api("DELETE", f"/api/contacts/{customer.number}")


# export


async def test_an_export_holds_all_that_is_kept_and_can_be_read_by_people(bot: Bot) -> None:
    ana = await _met(bot, f"I lost {SECRET} {HOSTILE}")
    photo = photos.photo_png(311, 240)
    media = bot.media.serve(photo, media_type="image/png")
    hostile_name = "../../etc/passwd\u202egnp.exe"
    await bot.handled(await ana.sends("image", {**media, "filename": hostile_name}, "my bike"))
    await bot.media_is(ana, "ready")
    path = f"/api/conversations/{await _id(bot, ana)}/notes"
    await bot.api("POST", path, {"text": "be kind to her"})
    archive = await _zip(bot, ana)
    assert archive.testzip() is None
    names = archive.namelist()
    assert names[:2] == ["data.json", "conversation-1.html"]
    (file,) = names[2:]
    assert file.startswith("media/0001")
    assert file.endswith(".png")
    assert ".." not in file
    assert archive.read(file) == photo
    data = json.loads(archive.read("data.json"))
    (kept,) = data["conversations"]
    assert kept["contact"] == ana.number
    texts = [one["text"] for one in kept["messages"]]
    assert f"I lost {SECRET} {HOSTILE}" in texts
    assert [one["file"] for one in kept["messages"] if one["media"]] == [file]
    assert "url" not in next(one["media"] for one in kept["messages"] if one["media"])
    assert SECRET in kept["events"][0]["raw"]
    assert kept["turns"][0]["tokens_in"] == 20
    assert kept["notes"][0]["text"] == "be kind to her"
    assert {"exported"} <= {one["action"] for one in kept["audit"]}
    page = archive.read("conversation-1.html").decode()
    assert "<script>" not in page
    assert "<img" not in page
    assert SECRET in page


async def test_the_data_alone_is_given_to_who_asks_for_json(bot: Bot) -> None:
    ana = await _met(bot)
    headers = {"Accept": "application/json"}
    data = await bot.api("GET", f"/api/contacts/{ana.number}/export", headers=headers)
    assert [one["line_id"] for one in data["conversations"]] == ["ln_test"]
    assert len(data["conversations"][0]["messages"]) == 2


@pytest.mark.parametrize(
    ("method", "call"), [("GET", "/export"), ("DELETE", ""), ("POST", "/block"), ("GET", "")]
)
async def test_nobody_is_found_under_an_unknown_number(bot: Bot, method: str, call: str) -> None:
    answer = await bot.api(method, f"/api/contacts/+15551239999{call}", expect=404)
    assert answer["error"] == "not_found"


async def test_from_the_shell_an_export_is_a_file_or_json(bot: Bot, tmp_path: Path) -> None:
    ana = await _met(bot, SECRET)
    out = tmp_path / "ana.zip"
    spelt = f"00 {ana.number[1:4]}-{ana.number[4:]}"
    ended = await bot.cli("export", spelt, "--out", str(out))
    assert (ended.exit_code, ended.stderr) == (0, "")
    assert out.stat().st_mode & 0o777 == 0o600
    assert "data.json" in zipfile.ZipFile(out).namelist()
    shown = await bot.cli("export", ana.number, "--json")
    assert SECRET in json.loads(shown.stdout)["conversations"][0]["messages"][0]["text"]
    unknown = await bot.cli("export", "+15551239998")
    assert (unknown.exit_code, unknown.stdout) == (1, "")
    assert "nothing is kept of +15551239998" in unknown.stderr
    nowhere = await bot.cli("export", ana.number, "--out", str(tmp_path / "no" / "x.zip"))
    assert nowhere.exit_code == 1
    assert "--out" in nowhere.stderr


async def test_several_lines_have_to_be_told_apart(bot: Bot, tmp_path: Path) -> None:
    ana = await _met(bot)
    other = Customer(bot.provider, ana.number, "ln_other")
    await bot.handled(*await other.writes("hello here"))
    for command in (("export",), ("erase", "--yes"), ("block",)):
        ended = await bot.cli(command[0], ana.number, *command[1:])
        assert ended.exit_code == 2
        assert "ln_other, ln_test" in ended.stderr
    assert (await bot.cli("erase", ana.number, "--line", "ln_other", "--yes")).exit_code == 0
    out = tmp_path / "all.zip"
    assert (await bot.cli("export", ana.number, "--out", str(out), "--all-lines")).exit_code == 0
    data = json.loads(zipfile.ZipFile(out).read("data.json"))
    assert [one["line_id"] for one in data["conversations"]] == ["ln_test"]


# erasure


async def test_after_an_erasure_no_file_of_the_bot_holds_anything(bot: Bot) -> None:
    words = "seven silver spoons that nobody else speaks of"
    ana = await _met(bot, words)
    voice = voices.voice_ogg(2)
    media = bot.media.serve(voice, media_type="audio/ogg; codecs=opus")
    await bot.handled(await ana.sends("voice", media))
    kept = await bot.media_is(ana, "ready")
    path = f"/api/conversations/{await _id(bot, ana)}/notes"
    await bot.api("POST", path, {"text": f"about {words}"})
    erased = await _erase(bot, ana)
    (removed,) = erased["removed"]
    assert (removed["line_id"], removed["files"], removed["notes"]) == ("ln_test", 1, 1)
    assert removed["messages"] >= 4
    assert erased["files_left"] == 0
    left = await asyncio.to_thread(_holding, bot.folder / "data", words, ana.number[1:])
    assert left == []
    assert not list((bot.folder / "data" / "media").rglob(f"{kept['sha256']}*"))
    await bot.api("GET", f"/api/contacts/{ana.number}/export", expect=404)
    audit = (await bot.api("GET", "/api/audit"))["items"][0]
    assert (audit["action"], audit["actor"], audit["conversation_id"]) == ("erased", "desk", None)


def _holding(folder: Path, *words: str) -> list[str]:
    files = [path for path in folder.rglob("*") if path.is_file()]
    return [
        f"{path.name}: {word}"
        for path in files
        for word in words
        if word.encode() in path.read_bytes()
    ]


async def test_what_was_erased_is_not_answered_when_it_is_delivered_again(bot: Bot) -> None:
    ana = bot.provider.customer()
    told = ana.event("do you remember me?")
    await bot.provider.deliver(told)
    await ana.reads()
    await _erase(bot, ana)
    await bot.provider.deliver(told)
    await bot.provider.deliver({**told, "id": "evt_told_in_another_event"})
    await _met(bot, "somebody later")
    assert len(ana.read) == 1
    await bot.api("GET", f"/api/contacts/{ana.number}/export", expect=404)


async def test_nothing_is_sent_after_an_erasure_that_comes_while_the_model_writes(
    bot: Bot,
) -> None:
    gate = Gate()
    bot.llm.plan_calls(say("too late", gate=gate), about="slow question")
    ana = bot.provider.customer()
    await ana.writes("slow question")
    await gate.reached()
    await _erase(bot, ana)
    gate.open()
    await _met(bot, "somebody after the slow one")
    assert ana.attempts == []


async def test_an_erasure_is_acknowledged_once_the_send_in_flight_is_answered(bot: Bot) -> None:
    gate = Gate()
    ana = bot.provider.customer()
    bot.provider.plan_sends(Answer(503, gate=gate), to=ana.number)
    await ana.writes("hello")
    await gate.reached()
    erasing = asyncio.create_task(_erase(bot, ana))
    await _met(bot, "somebody beside")
    assert not erasing.done()
    gate.open()
    await erasing
    await _met(bot, "somebody after")
    assert len(ana.attempts) == 1


async def test_a_file_that_is_being_fetched_is_dropped(bot: Bot) -> None:
    gate = Gate()
    photo = photos.photo_png(317, 240)
    media = bot.media.serve(photo, media_type="image/png")
    bot.media.plan_fetches(Answer(200, photo, {"content-type": "image/png"}, gate=gate))
    ana = bot.provider.customer()
    await ana.sends("image", media)
    await gate.reached()
    await _erase(bot, ana)
    gate.open()
    ben = bot.provider.customer()
    later = bot.media.serve(photos.photo_png(319, 240), media_type="image/png")
    await bot.handled(await ben.sends("image", later))

    def dropped() -> None:
        assert not list((bot.folder / "data" / "media").rglob(f"{media['sha256']}*"))
        assert not list((bot.folder / "data" / "incoming").rglob("file"))

    await eventually(dropped, 20)


async def test_from_the_shell_an_erasure_has_to_be_meant(bot: Bot) -> None:
    ana = await _met(bot)
    asked = await bot.cli("erase", ana.number, stdin=f"{ana.number}\n")
    assert asked.exit_code == 2
    assert "--yes" in asked.stderr
    assert await bot.conversation(ana)
    unknown = await bot.cli("erase", "+15551239997", "--yes")
    assert unknown.exit_code == 1
    done = await bot.cli("erase", ana.number, "--yes", "--json")
    assert done.exit_code == 0
    assert json.loads(done.stdout)["removed"][0]["messages"] == 2
    assert (await bot.cli("erase", ana.number, "--yes")).exit_code == 1


# block


async def test_a_blocked_contact_is_not_answered_until_they_are_unblocked(bot: Bot) -> None:
    ana = await _met(bot)
    ended = await bot.cli("block", ana.number, "--reason", "spam")
    assert "blocked" in ended.stdout
    (event,) = await bot.handled(*await ana.writes("let me in"))
    assert (event["state"], event["reason"], event["contact"]) == ("skipped", "blocked", None)
    assert (await bot.conversation(ana))["blocked_at"]
    path = f"/api/conversations/{await _id(bot, ana)}/messages"
    refused = await bot.api("POST", path, {"text": "hello"}, expect=409)
    assert "blocked" in refused["message"]
    answer = await bot.api("POST", f"/api/contacts/{ana.number}/unblock", {"reason": "sorry"})
    assert answer["items"][0]["blocked_at"] is None
    await bot.handled(*await ana.writes("thank you"))
    assert (await ana.reads(2))[1] == "You said: thank you"
    rows = (await bot.api("GET", "/api/audit"))["items"]
    done = [(row["action"], row["actor"], row["reason"]) for row in rows[:2]]
    assert done == [("unblocked", "desk", "sorry"), ("blocked", "shell", "spam")]


async def test_who_is_opted_out_by_hand_is_not_written_to(bot: Bot) -> None:
    ana = await _met(bot)
    await bot.api("POST", f"/api/contacts/{ana.number}/opt-out")
    await bot.handled(*await ana.writes("are you there?"))
    assert len(ana.read) == 1
    standing = await bot.api("GET", f"/api/contacts/{ana.number}")
    assert standing["items"][0]["opted_out_at"]
    await bot.api("POST", f"/api/contacts/{ana.number}/opt-in", {"line_id": "ln_test"})
    await bot.handled(*await ana.writes("and now?"))
    assert (await ana.reads(2))[1].endswith("and now?")


# notes


async def test_notes_are_for_operators_alone(bot: Bot) -> None:
    ana = await _met(bot)
    path = f"/api/conversations/{await _id(bot, ana)}/notes"
    headers = {"Authorization": "Bearer token-of-rosa"}
    note = await bot.api("POST", path, {"text": f"she likes {SECRET}"})
    other = (await bot.http("POST", path, headers=headers, json={"text": "me too"})).json()
    changed = await bot.api("PUT", f"{path}/{other['id']}", {"text": f"she loves {SECRET}"})
    assert (changed["author"], changed["edited_by"]) == ("rosa", "desk")
    await bot.api("POST", path, {"text": " \n "}, expect=422)
    await bot.api("DELETE", f"{path}/{note['id']}")
    await bot.api("DELETE", f"{path}/{note['id']}", expect=404)
    notes = (await bot.api("GET", path))["items"]
    assert [(one["author"], one["text"]) for one in notes] == [("rosa", f"she loves {SECRET}")]
    await bot.api("GET", "/api/conversations/cv_nobody/notes", expect=404)
    await bot.handled(*await ana.writes("what do you know of me?"))
    await ana.reads(2)
    (call,) = bot.llm.calls_about("what do you know of me?")
    assert SECRET not in json.dumps(call.json)
    assert all(SECRET not in text for text in ana.read)


async def test_a_note_of_one_conversation_is_not_anothers(bot: Bot) -> None:
    ana, ben = await _met(bot), await _met(bot)
    theirs = f"/api/conversations/{await _id(bot, ana)}/notes"
    others = f"/api/conversations/{await _id(bot, ben)}/notes"
    note = await bot.api("POST", theirs, {"text": "hers"})
    await bot.api("PUT", f"{others}/{note['id']}", {"text": "his"}, expect=404)
    await bot.api("DELETE", f"{others}/{note['id']}", expect=404)


# the console's page


async def test_the_contact_page_shows_what_is_known_and_runs_nothing(bot: Bot) -> None:
    ana = await _met(bot, HOSTILE)
    rosa = await Console(bot).signed_in("token-of-rosa")
    path = f"/console/conversations/{await _id(bot, ana)}"
    assert f'href="{path}/contact"' in (await rosa.get(path)).text
    saved = await rosa.post(f"{path}/contact/notes", {"text": HOSTILE})
    assert (saved.status_code, saved.headers["location"]) == (303, f"{path}/contact")
    page = (await rosa.get(f"{path}/contact")).text
    assert "&lt;script&gt;alert(1)" in page
    assert "<script>alert" not in page
    assert "<img src=x" not in page
    assert ana.number in page
    assert "1 received, 1 sent" in page
    spanish = await rosa.get(f"{path}/contact", **{"Accept-Language": "es"})
    assert "Notas privadas" in spanish.text


async def test_on_the_contact_page_notes_are_changed_and_deleted(bot: Bot) -> None:
    ana = await _met(bot)
    rosa = await Console(bot).signed_in("token-of-rosa")
    path = f"/console/conversations/{await _id(bot, ana)}/contact"
    empty = await rosa.post(f"{path}/notes", {"text": "  "})
    assert empty.status_code == 422
    await rosa.post(f"{path}/notes", {"text": "first words"})
    notes = f"/api/conversations/{await _id(bot, ana)}/notes"
    ((note,),) = (await bot.api("GET", notes)).values()
    await rosa.post(f"{path}/notes/{note['id']}/edit", {"text": "second words"})
    assert "second words" in (await rosa.get(path)).text
    await rosa.post(f"{path}/notes/{note['id']}/delete")
    assert (await bot.api("GET", notes))["items"] == []


async def test_block_and_erase_want_the_number_typed(bot: Bot) -> None:
    ana = await _met(bot, SECRET)
    rosa = await Console(bot).signed_in("token-of-rosa")
    path = f"/console/conversations/{await _id(bot, ana)}/contact"
    for call in (("decide", {"decision": "block"}), ("erase", {})):
        wrong = await rosa.post(f"{path}/{call[0]}", {**call[1], "number": "+1555"})
        assert wrong.status_code == 422
        assert "not this contact" in wrong.text
    await rosa.post(f"{path}/decide", {"decision": "opt-out"})
    await rosa.post(f"{path}/decide", {"decision": "block", "number": ana.number[1:]})
    page = (await rosa.get(path)).text
    assert "Blocked since" in page
    assert "Opted out since" in page
    assert "by rosa" in page
    exported = await rosa.get(f"{path}/export")
    assert zipfile.ZipFile(io.BytesIO(exported.content)).namelist()[0] == "data.json"
    gone = await rosa.post(f"{path}/erase", {"number": ana.number})
    assert gone.status_code == 200
    assert "2 messages" in gone.text
    assert (await rosa.get(path)).status_code == 404


@pytest.mark.parametrize("call", ["decide", "erase", "notes", "notes/x/edit", "notes/x/delete"])
async def test_no_other_page_and_no_stranger_acts_on_a_contact(bot: Bot, call: str) -> None:
    ana = await _met(bot)
    path = f"/console/conversations/{await _id(bot, ana)}/contact/{call}"
    fields = {"number": ana.number, "decision": "block", "text": "x"}
    rosa = await Console(bot).signed_in("token-of-rosa")
    evil = await rosa.post(path, fields, Origin="https://evil.example")
    assert evil.status_code == 403
    stranger = await Console(bot).post(path, fields)
    assert stranger.status_code == 303
    assert (await bot.conversation(ana))["blocked_at"] is None
    exported = await Console(bot).get(path.rpartition("/")[0].removesuffix("/notes") + "/export")
    assert exported.status_code in (303, 404)
