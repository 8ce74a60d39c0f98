"""The search of the list: what is found, what is not, and what typed signs do (nothing)."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Executable, delete, insert, text, update

from bot.adapters.db import conversation_list, search_index
from bot.adapters.db import search as search_module
from bot.adapters.db.console_desk import Desk, Entry
from bot.adapters.db.engine import Database, sqlite_url
from bot.adapters.db.migrate import migrate
from bot.adapters.db.schema import conversations, messages
from bot.adapters.db.search_index import SearchIndex
from bot.domain.contact import contact_key
from tests.harness.network import Network
from tests.harness.stores import open_stores
from tests.transitions.scene import LINE, at, thread

ANNA, BEN, CARLA = "+34600111222", "+4915112345678", "+5511987654321"
NAMES = {ANNA: "Ánna Nuñez", BEN: "Ben O'Neil 100%", CARLA: "Карла"}


class Talk:
    """A database in which customers have said things; a line of text is a message."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.index = SearchIndex(database)
        self.desk = Desk(database)
        self._said = 0

    async def meet(self, contact: str, name: str | None = None) -> None:
        row = {
            "id": thread(contact),
            "line_id": LINE,
            "contact": contact,
            "contact_key": contact_key(contact),
            "name": NAMES.get(contact, name),
            "created_at": at(0),
            "last_message_at": at(0),
        }
        await self.database.write(lambda tx: tx.execute(insert(conversations).values(**row)))

    async def say(self, contact: str, *texts: str, **fields: Any) -> str:
        """The id of the last of these messages."""
        for words in texts:
            self._said += 1
            row = {
                "id": f"ms_{self._said}",
                "conversation_id": thread(contact),
                "direction": "in",
                "author": "customer",
                "type": "text",
                "text": words,
                "line_id": LINE,
                "created_at": at(self._said),
            }
            theirs = conversations.c.id == thread(contact)
            touched = {"last_message_at": at(self._said), "last_text": words[:200]}
            await self.do(insert(messages).values(**row | fields))
            await self.do(update(conversations).where(theirs).values(**touched))
        return f"ms_{self._said}"

    async def do(self, statement: Executable) -> None:
        await self.database.write(lambda tx: tx.execute(statement))

    async def change(self, message_id: str, **values: Any) -> None:
        what = update(messages).where(messages.c.id == message_id).values(**values)
        await self.do(what)

    async def search(self, q: str, **how: Any) -> list[str]:
        """Whose conversations are found, in their order."""
        return [entry.conversation.contact for entry in await self.entries(q, **how)]

    async def entries(self, q: str, **how: Any) -> tuple[Entry, ...]:
        await self.index.catch_up()
        return (await self.desk.entries(q=q, **how)).items


@pytest.fixture(scope="module")
def url(
    network: Network, stores_kind: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[str]:
    stores = open_stores(stores_kind)
    opened = network.wait(stores.__aenter__())
    path = tmp_path_factory.mktemp("search") / "bot.db"
    url = opened.env.get("DATABASE_URL", sqlite_url(path))
    network.wait(migrate(url))
    yield url
    network.wait(stores.__aexit__(None, None, None))


@pytest.fixture
async def talk(url: str) -> AsyncIterator[Talk]:
    database = Database(url)
    talk = Talk(database)
    for table in (messages, conversations):
        await talk.do(delete(table))
    for contact in NAMES:
        await talk.meet(contact)
    yield talk
    await database.close()


SAID = ("Is the terrace open?", "A Café crème, and пирог", "order 447712", "tomorrow")
FOUND = [
    "terrace",
    "TERRACE",
    "ter",
    "open terrace",
    "terrace open",
    "cafe",
    "café",
    "CAFÉ CRÈME",
    "пирог",
    "ПИРОГ",
    "600 111",
    "4477",
]
NOT_FOUND = [
    "ter open",
    "terrace tomorrow",
    "errace",
]


async def test_words_are_found_in_any_message(talk: Talk) -> None:
    await talk.say(ANNA, *SAID)
    await talk.say(BEN, "hello")
    assert {q: await talk.search(q) for q in FOUND} == {q: [ANNA] for q in FOUND}
    assert {q: await talk.search(q) for q in NOT_FOUND} == {q: [] for q in NOT_FOUND}


KNOWN_AS = {
    "anna": [ANNA],
    "nunez anna": [ANNA],
    "o'neil": [BEN],
    "карл": [CARLA],
    "+34 600 111 222": [ANNA],
    "0034600111222": [ANNA],
    "34600111222@s.whatsapp.net": [ANNA],
    "(0049) 151-12345678": [BEN],
    "11 98765-4321": [CARLA],
    "anna nobody": [],
}


async def test_names_and_numbers_are_found_however_they_are_spelt(talk: Talk) -> None:
    assert {q: await talk.search(q) for q in KNOWN_AS} == KNOWN_AS


HOSTILE = [
    *(
        '"',
        "''",
        "*",
        "%",
        "_",
        "\\",
        "(",
        ")",
        "^",
        "-",
        "+",
        ":",
        "{",
        "?",
        "\0",
        "😀",
        "::tsquery",
    ),
    *("NEAR", "NEAR(terrace open)", "OR", "terrace OR nobody", "terrace AND", "NOT terrace"),
    *("b:terrace", "c : 1", "terrace*", '"terrace', "ter%", "t_rrace", "terrace & | ! <->"),
    *("'terrace':*", "^terrace -open", "{b c} : terrace", "a" * 10_000, "word " * 2_000),
    *(
        '"' * 10_000,
        "\x00\x01terrace",
        "\u202eterrace\ufeff",
        "\ud7ff\uffff",
        "' OR 1=1 --",
        "ﬁn ǅ ß İ",
    ),
]
SAYS_TERRACE = {
    "terrace*",
    '"terrace',
    "terrace & | ! <->",
    "'terrace':*",
    "^terrace -open",
    "ter%",
}
SAYS_TERRACE |= {"ter%", "\x00\x01terrace", "\u202eterrace\ufeff"}


@pytest.mark.parametrize("few", [search_module.FEW, 0])
async def test_what_is_typed_is_plain_text(
    talk: Talk, few: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(search_module, "FEW", few)
    await talk.say(ANNA, "Is the terrace open?")
    await talk.say(BEN, "hello")
    expected = {q: [ANNA] if q in SAYS_TERRACE else [] for q in HOSTILE}
    # Signs stand for themselves in a name and among the last words; nothing typed is no search.
    expected |= {"%": [BEN], "?": [ANNA], "\0": [BEN, ANNA, CARLA]}
    assert {q: await talk.search(q) for q in HOSTILE} == expected


async def test_the_entry_shows_the_newest_message_found(talk: Talk) -> None:
    await talk.say(ANNA, "the terrace is <b>small</b>")
    wanted = await talk.say(
        ANNA, f"{'so it goes ' * 30} is your Terrace heated? {'and so on ' * 30}"
    )
    await talk.say(ANNA, "bye")
    (entry,) = await talk.entries("terr")
    assert entry.found is not None
    assert entry.found.message_id == wanted
    assert "is your Terrace heated?" in entry.found.excerpt
    assert len(entry.found.excerpt) < 200
    (entry,) = await talk.entries("nunez")
    assert entry.found is None


async def test_a_transcript_is_found_when_it_comes(talk: Talk) -> None:
    said = await talk.say(ANNA, "", type="audio")
    assert await talk.search("reservation") == []
    await talk.change(said, transcript="I have a reservation")
    assert await talk.search("reservation") == [ANNA]


async def test_what_was_edited_taken_back_or_erased_is_found_no_more(talk: Talk) -> None:
    edited = await talk.say(ANNA, "my address is oldstreet")
    taken_back = await talk.say(BEN, "a secretword")
    erased = await talk.say(CARLA, "another secretword")
    assert await talk.search("secretword") == [CARLA, BEN]
    await talk.change(edited, text="my address is newstreet")
    await talk.change(taken_back, deleted_at=at(9))
    gone = delete(messages).where(messages.c.id == erased)
    await talk.do(gone)
    assert await talk.search("oldstreet") == []
    assert await talk.search("newstreet") == [ANNA]
    assert await talk.search("secretword") == []
    gone = delete(conversations).where(conversations.c.id == thread(CARLA))
    await talk.do(gone)
    assert await talk.search("карла") == []
    await talk.meet(CARLA)
    await talk.say(CARLA, "here again")  # on SQLite under the number of the erased message
    assert await talk.search("again") == [CARLA]
    await talk.change("ms_3", text="x")


async def test_a_new_name_is_found_and_the_old_one_is_not(talk: Talk) -> None:
    rename = update(conversations).where(conversations.c.id == thread(ANNA)).values(name="Zoë")
    await talk.do(rename)
    assert await talk.search("zoe") == [ANNA]
    assert await talk.search("nunez") == []


@pytest.mark.parametrize("few", [search_module.FEW, 3])
async def test_pages_of_a_search_skip_and_repeat_nothing(
    talk: Talk, few: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(search_module, "FEW", few)
    monkeypatch.setattr(conversation_list, "_WINDOW", 4)
    monkeypatch.setattr(conversation_list, "_WINDOWS", 2)
    crowd = [f"+1666{number:07}" for number in range(30)]
    for number, contact in enumerate(crowd):
        await talk.meet(contact, f"Guest {number}")
        await talk.say(contact, "a table please" if number % 3 else "nothing", "bye")
    await talk.index.catch_up()
    seen: list[str] = []
    page = await talk.desk.entries(q="table", limit=3)
    for _page in range(40):
        assert all(entry.found is not None for entry in page.items)
        seen += [entry.conversation.contact for entry in page.items]
        if page.next_cursor is None:
            break
        page = await talk.desk.entries(q="table", limit=3, cursor=page.next_cursor)
    assert seen == [contact for number, contact in reversed(list(enumerate(crowd))) if number % 3]


async def test_filters_hold_in_a_search(talk: Talk) -> None:
    await talk.say(ANNA, "a table")
    await talk.say(BEN, "a table")
    need = update(conversations).where(conversations.c.id == thread(BEN))
    await talk.do(need.values(needs_attention=True))
    assert await talk.search("table", which="attention") == [BEN]
    assert await talk.search("table", line_id="ln_other") == []


async def test_what_was_stored_before_the_index_or_while_it_was_away_is_taken_up(
    talk: Talk,
) -> None:
    """As after an upgrade, a copy, or a kill: the range is lost, or lies behind."""
    await talk.say(ANNA, *(f"old words {number}" for number in range(5)))
    await talk.do(text("DELETE FROM searched_range"))
    assert await talk.search("old") == [ANNA]
    await talk.say(BEN, *(f"later words {number}" for number in range(5)))
    talk.index = SearchIndex(talk.database)
    assert await talk.search("later 4") == [BEN]
    assert await talk.search("old 0") == [ANNA]


async def test_a_batch_that_fails_halfway_is_done_again(talk: Talk) -> None:
    await talk.index.catch_up()
    await talk.say(ANNA, "terrace")

    def dies(tx: Any) -> None:
        search_index._step(tx, 0)
        raise KeyError

    with pytest.raises(KeyError):
        await talk.database.write(dies)
    assert (await talk.desk.entries(q="terrace")).items == ()
    assert await talk.search("terrace") == [ANNA]


async def test_two_indexes_at_once_take_each_message_once(talk: Talk) -> None:
    await talk.say(ANNA, *(f"number {number}" for number in range(30)))
    other = SearchIndex(talk.database)
    await asyncio.gather(talk.index.catch_up(), other.catch_up())
    counted = text("SELECT count(*) FROM searched_messages WHERE seq > 0 AND n > 0")
    assert await talk.database.read(lambda tx: tx.execute(counted).scalar_one()) == 30
    assert await talk.search("number 29") == [ANNA]


async def test_open_pages_look_again_only_after_something_was_written(talk: Talk) -> None:
    said = await talk.say(ANNA, "hello")
    await talk.say(BEN, "hello")
    both = [thread(ANNA), thread(BEN)]
    version, marks = await talk.desk.version(), await talk.desk.marks(both)
    assert version is not None
    await talk.change(said, text="hello!", edited_at=at(5))
    assert await talk.desk.version() != version
    changed = await talk.desk.marks(both)
    assert changed.by_thread[thread(ANNA)] != marks.by_thread[thread(ANNA)]
    assert changed.by_thread[thread(BEN)] == marks.by_thread[thread(BEN)]
    assert changed.of_list == marks.of_list
    await talk.say(BEN, "hello?")
    assert (await talk.desk.marks(both)).of_list != marks.of_list
    await talk.desk.forget()


async def test_erased_words_leave_the_file(tmp_path: Path) -> None:
    path = tmp_path / "bot.db"
    await migrate(sqlite_url(path))
    talk = Talk(Database(sqlite_url(path)))
    await talk.meet(ANNA)
    await talk.meet(BEN)
    await talk.say(BEN, "hello")
    await talk.say(ANNA, "xylophonist")
    await talk.say(BEN, "bye")
    assert await talk.search("xylophonist") == [ANNA]
    for table in (messages, conversations):
        column = table.c.conversation_id if table is messages else table.c.id
        await talk.do(delete(table).where(column == thread(ANNA)))
    await talk.index.purge()
    assert await talk.search("hello") == [BEN]
    await talk.database.close()
    with closing(sqlite3.connect(path)) as database:
        database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        database.execute("INSERT INTO searched_words (searched_words) VALUES ('integrity-check')")
    held = path.read_bytes()
    assert b"xylophonist" not in held
    assert b"600111222" not in held
