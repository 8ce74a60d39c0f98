"""The command line, as a process of its own beside the bot and without it."""

import asyncio
import json
import os
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import NewBot
from tests.harness import Answer, Bot, Customer, Finished, eventually, fail, hand_off
from tests.harness.llm import pictures_of, words_of
from tests.samples import papers, photos, voices

ON_ONE_DATABASE = True
SETTINGS = {"retry": {"max_attempts": 1}}


async def _met(bot: Bot, *, line_id: str = "ln_test", says: str = "good morning") -> Customer:
    customer = bot.provider.customer(line_id=line_id)
    await customer.writes(says)
    await customer.reads()
    return customer


def _one_line(finished: Finished) -> str:
    """What stderr says; never a traceback."""
    assert "Traceback" not in finished.stderr
    (line,) = finished.stderr.splitlines()
    return line


# usage


@pytest.mark.parametrize(
    ("command", "named"),
    [
        ((), "COMMAND"),
        (("no-such-command",), "no-such-command"),
        (("pause",), "PHONE"),
        (("pause", "+15550001", "--all"), "--all"),
        (("pause", "+15550001", "--for", "soon"), "--for"),
        (("pause", "+15550001", "--for", "-5m"), "--for"),
        (("pause", "+15550001", "--for", "5"), "30s, 10m, 2h or 1d"),
        (("pause", "+15550001", "--for", "0s"), "ten years"),
        (("pause", "+15550001", "--for", "4000d"), "ten years"),
        (("resume",), "PHONE"),
        (("send", "+15550001"), "TEXT"),
        (("events", "--state", "odd"), "--state"),
        (("conversations", "--limit", "0"), "--limit"),
        (("replay",), "EVENT_ID"),
        (("check", "--nonsense"), "--nonsense"),
        (("why",), "ID"),
        (("prompts", "new", "shop"), "--business"),
        (("eval", "--jobs", "0"), "--jobs"),
        (("eval", "--max-cost", "much"), "--max-cost"),
        (("eval", "none.yaml"), "none.yaml"),
        (("eval",), "prompts/tests"),
        (("export",), "PHONE"),
        (("erase", "+15550001", "--line", "ln_1", "--all-lines"), "--all-lines"),
        (("block", "--json"), "PHONE"),
    ],
)
async def test_wrong_usage_ends_with_2_and_one_line(
    new_bot: NewBot, command: tuple[str, ...], named: str
) -> None:
    bot = await new_bot(start=False)
    ended = await bot.cli(*command)
    assert (ended.exit_code, ended.stdout) == (2, "")
    assert named in _one_line(ended)


@pytest.mark.slow
async def test_every_command_explains_itself(new_bot: NewBot) -> None:
    bot = await new_bot(start=False)
    whole = await bot.cli("--help")
    assert whole.exit_code == 0
    commands = (
        *("dev", "run", "serve", "worker", "check", "chat", "conversations", "pause", "resume"),
        *("send", "events", "replay", "copy-to", "why", "export", "erase", "eval"),
    )
    helped = await asyncio.gather(*(bot.cli(command, "--help") for command in commands))
    for command, one in zip(commands, helped, strict=True):
        assert command in whole.stdout
        assert one.exit_code == 0
        assert "--config" in one.stdout


async def test_without_a_database_the_operator_is_told(new_bot: NewBot) -> None:
    bot = await new_bot(start=False, env={"DATABASE_URL": ""})
    ended = await bot.cli("conversations")
    assert ended.exit_code == 1
    assert "bot.db" in _one_line(ended)
    assert "bot run" in _one_line(ended)
    assert not (bot.folder / "data" / "bot.db").exists()


async def test_a_settings_file_may_be_named(new_bot: NewBot) -> None:
    bot = await new_bot(start=False)
    named = bot.folder / "other.yaml"
    named.write_text("server:\n  prt: 1\n")
    before, behind = ("--config", str(named), "check"), ("check", "--config", str(named))
    for command in (before, behind, ("--config", "x.yaml", *behind)):
        ended = await bot.cli(*command)
        assert ended.exit_code == 1
        assert "other.yaml:2:3: server.prt" in ended.stderr


# the operator's work


async def test_conversations_are_listed_for_people_and_for_programs(bot: Bot) -> None:
    ana = await _met(bot, line_id="ln_list", says="hello\x1b[31m\u202eolleh\nthere")
    listed = await bot.cli("conversations", "--line", "ln_list")
    assert listed.exit_code == 0, listed.stderr
    assert ana.number in listed.stdout
    assert not set(listed.stdout) & {"\x1b", "\u202e"}
    assert len(listed.stdout.splitlines()) == 2
    as_json = await bot.cli("conversations", "--line", "ln_list", "--json")
    shown = await bot.api("GET", "/api/conversations", params={"line_id": "ln_list"})
    assert as_json.json == shown


async def test_pause_send_and_resume_reach_the_running_bot(bot: Bot) -> None:
    ana = await _met(bot)
    paused = await bot.cli("pause", ana.number, "--for", "2h", "--reason", "a complaint", "--json")
    assert paused.exit_code == 0, paused.stderr
    assert (paused.json["state"], paused.json["in_flight"]) == ("human", [])
    assert paused.json["paused_until"] is not None
    sent = await bot.cli("send", ana.number, "I'll *see* to it")
    assert sent.exit_code == 0, sent.stderr
    assert (await ana.reads(2))[1] == "I'll *see* to it"
    await ana.writes("thanks")
    resumed = await bot.cli("resume", ana.number, "--answer")
    assert (resumed.exit_code, resumed.stderr) == (0, "")
    assert "the bot answers" in resumed.stdout
    assert (await ana.reads(3))[2] == "You said: thanks"


async def test_a_pause_may_last_until_somebody_resumes(bot: Bot) -> None:
    ana = await _met(bot)
    paused = await bot.cli("pause", ana.number.removeprefix("+"), "--for", "forever")
    assert paused.exit_code == 0, paused.stderr
    assert "until somebody resumes" in paused.stdout
    assert (await bot.conversation(ana))["paused_until"] is None


async def test_a_line_is_paused_as_a_whole(bot: Bot) -> None:
    ana = await _met(bot, line_id="ln_whole")
    ben = await _met(bot)
    paused = await bot.cli("pause", "--all", "--line", "ln_whole", "--json")
    assert paused.json["state"] == "human"
    assert (await bot.conversation(ana))["state"] == "human"
    assert (await bot.conversation(ben))["state"] == "bot"
    assert (await bot.cli("resume", "--all", "--line", "ln_whole")).exit_code == 0
    assert (await bot.conversation(ana))["state"] == "bot"


@pytest.mark.parametrize("command", ["pause", "resume", "send"])
async def test_an_unknown_contact_is_told(bot: Bot, command: str) -> None:
    await _met(bot)
    more = ("hello",) if command == "send" else ()
    ended = await bot.cli(command, "+15559999999", *more)
    assert ended.exit_code == 1
    assert _one_line(ended) == "no conversation with +15559999999"


async def test_a_contact_of_several_lines_needs_the_line(bot: Bot) -> None:
    ana = await _met(bot, line_id="ln_one")
    twin = bot.provider.customer(line_id="ln_two", number=ana.number)
    await twin.writes("hello")
    await twin.reads(2)
    ended = await bot.cli("pause", ana.number)
    assert ended.exit_code == 2
    line = _one_line(ended)
    assert "ln_one" in line
    assert "ln_two" in line
    assert (await bot.conversation(ana))["state"] == "bot"
    assert (await bot.cli("pause", ana.number, "--line", "ln_two")).exit_code == 0
    assert (await bot.conversation(twin))["state"] == "human"
    assert (await bot.conversation(ana))["state"] == "bot"


async def test_an_empty_message_is_not_sent(bot: Bot) -> None:
    ana = await _met(bot)
    ended = await bot.cli("send", ana.number, "  ")
    assert (ended.exit_code, _one_line(ended)) == (2, "the text is empty")


async def test_dead_events_are_listed_and_replayed(bot: Bot) -> None:
    ana = await _met(bot)
    bot.llm.plan_calls(fail(400), about="a hard one")
    (event_id,) = await ana.writes("a hard one")
    await bot.handled(event_id)
    listed = await bot.cli("events", "--state", "dead", "--json")
    (dead,) = [one for one in listed.json["items"] if one["provider_event_id"] == event_id]
    assert dead["id"] in (await bot.cli("events", "--state", "dead,skipped")).stdout
    replayed = await bot.cli("replay", "ev_none", dead["id"])
    assert replayed.exit_code == 1
    assert "ev_none" in _one_line(replayed)
    assert dead["id"] in replayed.stdout
    assert "You said: a hard one" in await ana.reads(3)


async def test_an_event_is_also_replayed_by_the_providers_id(bot: Bot) -> None:
    ana = await _met(bot)
    bot.llm.plan_calls(fail(400), about="another hard one")
    (event_id,) = await ana.writes("another hard one")
    (dead,) = await bot.handled(event_id)
    replayed = await bot.cli("replay", event_id)
    assert replayed.exit_code == 0, replayed.stderr
    assert replayed.stdout.startswith(f"{dead['id']}: ")
    assert "You said: another hard one" in await ana.reads(3)


async def test_the_operators_work_is_done_without_the_bot(bot: Bot) -> None:
    ana = await _met(bot)
    await bot.stop()
    sent = await bot.cli("send", ana.number, "while it was away")
    assert sent.exit_code == 0, sent.stderr
    assert "queued" in sent.stdout
    await bot.restart()
    assert (await ana.reads(2))[1] == "while it was away"


@pytest.mark.slow  # starts from nothing
async def test_a_reader_that_leaves_early_is_no_error(bot: Bot) -> None:
    await _met(bot)
    process = await asyncio.create_subprocess_shell(
        f"{sys.executable} -m bot conversations --json | head -c 1",
        env=bot.env,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    stdout, stderr = await process.communicate()
    assert (stdout, stderr) == (b"{", b"")


# check and chat


async def test_check_says_ok_or_names_every_fault(new_bot: NewBot) -> None:
    bot = await new_bot(start=False)
    fine = await bot.cli("check")
    assert (fine.exit_code, fine.stdout) == (0, "ok\n"), fine.stderr
    assert all(line.startswith("warning: ") for line in fine.stderr.splitlines())
    bot.env["MOSSMOON_WEBHOOK_SECRET"] = ""
    bot.write_prompt("second", "name: x\ninstruction: |\n  hello\n")
    faulty = await bot.cli("check")
    assert faulty.exit_code == 1
    faults = [line for line in faulty.stderr.splitlines() if not line.startswith("warning: ")]
    assert any(line.startswith("MOSSMOON_WEBHOOK_SECRET: ") for line in faults)
    assert any("second.yaml:2:1: instruction" in line for line in faults)
    as_json = (await bot.cli("check", "--json")).json
    assert as_json["faults"] == faults


async def test_check_tells_which_lines_return_no_ids(bot: Bot) -> None:
    silent = bot.provider.customer(line_id="ln_silent")
    for number in range(1, 4):
        bot.provider.plan_sends(Answer(200, {}), to=silent.number)
        await silent.writes(f"message {number}")
        await silent.reads(number)
    await _met(bot, line_id="ln_telling")

    async def told() -> None:
        checked = await bot.cli("check")
        assert checked.exit_code == 0
        named = [line for line in checked.stderr.splitlines() if "returns no ids" in line]
        assert [line.split(": ")[1] for line in named] == ["line ln_silent"], checked.stderr

    await eventually(told)


async def test_check_does_not_need_the_database(new_bot: NewBot) -> None:
    env = {"DATABASE_URL": "postgresql://me:hush@127.0.0.1:1/x"}
    bot = await new_bot(start=False, env=env)
    checked = await bot.cli("check")
    assert (checked.exit_code, checked.stdout) == (0, "ok\n")
    assert "DATABASE_URL: the database did not answer" in checked.stderr
    assert "hush" not in checked.stderr


@pytest.mark.slow
async def test_check_writes_nothing(new_bot: NewBot) -> None:
    bot = await new_bot(start=False, env={"DATABASE_URL": ""})
    assert (await bot.cli("check")).exit_code == 0
    assert not (bot.folder / "data").exists()


async def test_a_chat_goes_the_way_of_a_real_answer(new_bot: NewBot) -> None:
    bot = await new_bot(start=False)
    talk = await bot.cli("chat", stdin="hello\n\nhow are you?\n/reset\nagain\n/quit\nunread\n")
    assert talk.exit_code == 0, talk.stderr
    said = ["You said: hello", "You said: how are you?", "You said: again"]
    assert talk.stdout.splitlines() == said
    calls: list[Any] = [request.json["messages"] for request in bot.llm.requests]
    assert [len(messages) for messages in calls] == [2, 4, 2]
    assert "You answer for a test shop." in calls[0][0]["content"]
    assert not (bot.folder / "data").exists()


async def test_a_chat_takes_files_and_reads_them_as_a_customers(new_bot: NewBot) -> None:
    bot = await new_bot(start=False)
    bot.speech.hears("do you have tarts?")
    (bot.folder / "note.ogg").write_bytes(voices.voice_ogg(2))
    (bot.folder / "my cake.png").write_bytes(photos.photo_png())
    (bot.folder / "order.pdf").write_bytes(papers.pdf(["Order 4711"]))
    talk = await bot.cli(
        "chat",
        stdin="/voice note.ogg\n/image my cake.png\n/file order.pdf\n/file none.pdf\n",
    )
    assert "[audio/ogg as heard by deepgram: do you have tarts?]" in talk.stdout
    assert "[image/png: 1 picture(s) for the model]" in talk.stdout
    assert "[application/pdf: Order 4711]" in talk.stdout
    contents = [request.json["messages"][-1]["content"] for request in bot.llm.requests]
    assert "do you have tarts?" in words_of(contents[0])
    assert len(pictures_of(contents[1])) == 1
    assert '"order.pdf", 1 page' in words_of(contents[2])
    assert talk.exit_code == 1  # one file was not there
    assert "none.pdf: No such file or directory" in talk.stderr
    assert not (bot.folder / "data").exists()


@pytest.mark.slow
async def test_a_chat_shows_that_a_person_would_take_over(new_bot: NewBot) -> None:
    bot = await new_bot(start=False, prompts={"default": _HANDING_OFF})
    bot.llm.plan_calls(hand_off("wants a refund"), about="my money")
    talk = await bot.cli("chat", stdin="I want my money\n")
    assert talk.stdout.splitlines() == [
        "A colleague will write.",
        "[handed over to a person: wants a refund]",
    ]


_HANDING_OFF = """\
name: Test shop
instructions: |
  You answer for a test shop.
hand_off:
  when: |
    The customer wants money back.
  say: |
    A colleague will write.
"""


async def test_a_chat_without_a_model_says_who_answers(new_bot: NewBot) -> None:
    env = {"OPENAI_API_KEY": "", "OPENAI_BASE_URL": ""}
    bot = await new_bot(start=False, env=env)
    talk = await bot.cli("chat", stdin="hello\n")
    assert talk.exit_code == 0
    assert talk.stdout.strip()
    assert "stand-in" in _one_line(talk)
    assert bot.llm.requests == []


@pytest.mark.slow
async def test_a_chat_without_an_answer_fails(new_bot: NewBot) -> None:
    bot = await new_bot(start=False)
    bot.llm.plan_calls(fail(401))
    talk = await bot.cli("chat", stdin="hello\n")
    assert (talk.exit_code, talk.stdout) == (1, "")
    assert "OPENAI_API_KEY" in _one_line(talk)


async def test_an_unexpected_fault_shows_no_traceback(new_bot: NewBot, tmp_path: Path) -> None:
    bot = await new_bot(start=False)
    bot.env["BOT_DEBUG"] = ""
    broken = tmp_path / "sitecustomize.py"
    broken.write_text("import json, sys\nsys.modules['bot.check'] = json\n")
    bot.env["PYTHONPATH"] = os.pathsep.join((str(tmp_path), *sys.path))
    ended = await bot.cli("check")
    assert ended.exit_code == 1
    assert _one_line(ended) == "internal error: ImportError; BOT_DEBUG=1 shows where"


@pytest.mark.slow
async def test_json_keeps_signs_from_the_terminal(bot: Bot) -> None:
    await _met(bot, line_id="ln_signs", says="a \u202e b \u009b c é")
    listed = await bot.cli("conversations", "--line", "ln_signs", "--json")
    assert listed.stdout.isascii()
    assert "é" in json.loads(listed.stdout)["items"][0]["last_text"]
