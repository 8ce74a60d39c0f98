"""The searches in SQLite, by FTS5.

`searched_words` has a row for every message (its number is the message's) and for every contact
(its number is negative); column c holds whose it is, b the words. It keeps no text of its own.
"""

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, TextClause, text

from bot.adapters.db.search_terms import Terms

_SPELLINGS_MAX = 24
"""So many words that begin alike are searched one by one; more of them as one prefix."""
_PREFIX_MIN = 2
_AFTER = "\x01"  # sorts before everything that a word may go on with

_NEXT = text("SELECT term FROM searched_terms WHERE term >= :least LIMIT 1")
_COUNT = text("""
    SELECT count(*) FROM (
        SELECT rowid FROM searched_words WHERE searched_words MATCH :words LIMIT :most)""")
_ALL = text("""
    SELECT n, max(seq) AS seq FROM searched_messages WHERE seq IN (
        SELECT rowid FROM searched_words WHERE searched_words MATCH :words
        ORDER BY rowid DESC LIMIT :most)
    GROUP BY n""")
_AMONG = text("""
    SELECT k.conversation_id AS id, (
        SELECT w.rowid FROM searched_words w
        WHERE w.searched_words MATCH 'c : "' || k.n || '" AND ' || :words
        ORDER BY w.rowid DESC LIMIT 1) AS seq
    FROM searched_conversations k
    WHERE k.conversation_id IN (SELECT value FROM json_each(:ids))""")
OF_NUMBERS = """conversations.id IN (SELECT conversation_id FROM searched_conversations
    WHERE n IN (SELECT value FROM json_each(:numbers)))"""


@dataclass(frozen=True, slots=True)
class Search:
    """A query in FTS5's language, made of quoted words only."""

    words: str
    steps: bool
    """Whether it is found hit by hit; a prefix of very many words is found as a whole."""


def make_search(tx: Connection, terms: Terms) -> Search:
    """The query for these words."""
    *whole, last = terms.words
    begun = [_beginning(tx, last)]
    if terms.number and terms.number != last:
        begun.append(_beginning(tx, terms.number))
    said = " AND ".join([*map(_quoted, whole), begun[0]])
    number = f" OR {begun[1]}" if len(begun) > 1 else ""
    return Search(f"b : (({said}){number})", not any(part.endswith("*") for part in begun))


def find_all(tx: Connection, search: Search, most: int) -> Mapping[int, int] | None:
    """By conversation the newest message found; None: there are more than `most` messages.

    Of a beginning that very many words share, only the newest `most` are found.
    """
    asked = {"words": search.words, "most": most + 1}
    if search.steps and tx.execute(_COUNT, asked).scalar_one() > most:
        return None
    return {row.n: row.seq for row in tx.execute(_ALL, asked)}


def find_among(tx: Connection, search: Search, ids: Collection[str]) -> Mapping[str, int]:
    """By conversation the newest message found in these conversations."""
    asked: dict[str, Any] = {"words": search.words, "ids": json.dumps(list(ids))}
    return {row.id: row.seq for row in tx.execute(_AMONG, asked) if row.seq is not None}


def _beginning(tx: Connection, word: str) -> str:
    """What begins with the word: FTS5 would first collect every message of every such word."""
    spellings = _spellings(tx, word)
    if len(spellings) > _SPELLINGS_MAX:
        return f"{_quoted(word)} *" if len(word) >= _PREFIX_MIN else _quoted(word)
    return f"({' OR '.join(map(_quoted, spellings or [word]))})"


def _spellings(tx: Connection, word: str) -> Sequence[str]:
    """The words there are that begin so, in order, one more than are searched one by one."""
    found: list[str] = []
    least = word
    while len(found) <= _SPELLINGS_MAX:
        term = tx.execute(_NEXT, {"least": least}).scalar()
        if term is None or not term.startswith(word):
            break
        found.append(term)
        least = term + _AFTER
    return found


def _quoted(word: str) -> str:
    return f'"{word}"'


# How it is filled

ADD: TextClause = text("""
    INSERT INTO searched_words (rowid, c, b)
    SELECT seq, n, words FROM searched_said s WHERE seq BETWEEN :first AND :last
    AND NOT EXISTS (SELECT 1 FROM searched_messages m WHERE m.seq = s.seq) ORDER BY seq""")
NOTE: TextClause = text("""
    INSERT INTO searched_messages (seq, n)
    SELECT seq, n FROM searched_said s WHERE seq BETWEEN :first AND :last
    AND NOT EXISTS (SELECT 1 FROM searched_messages m WHERE m.seq = s.seq) ORDER BY seq""")
_MERGE = text("INSERT INTO searched_words (searched_words, rank) VALUES ('merge', :pages)")
_CHANGES = text("SELECT total_changes()")
_PAGES = 64
_NOTHING = 2


def begin_merging(tx: Connection) -> None:
    """All of the index is to be written anew, in steps: what was deleted stays behind."""
    tx.execute(_MERGE, {"pages": -_PAGES})


def go_on_merging(tx: Connection) -> bool:
    """One step; whether there are more."""
    before = tx.execute(_CHANGES).scalar_one()
    tx.execute(_MERGE, {"pages": _PAGES})
    return bool(tx.execute(_CHANGES).scalar_one() - before >= _NOTHING)
