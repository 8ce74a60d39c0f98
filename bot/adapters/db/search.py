"""Full-text search over names, numbers and all that was said.

A search looks for all messages that hold the words when they are few. When very many do, the most
recent conversations are looked into instead, so that no page takes long (`conversation_list`).
"""

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Connection, or_, select, text

from bot.adapters.db import search_postgres, search_sqlite
from bot.adapters.db.rows import AnyRow
from bot.adapters.db.schema import conversations, messages
from bot.adapters.db.search_terms import QUERY_MAX, Terms, excerpt, read_terms
from bot.domain.contact import contact_key

FEW = 10_000
"""So many messages are looked up; with more of them, conversations are looked into."""
_NUMBERED = {
    "sqlite": """SELECT n, conversation_id AS id FROM searched_conversations
        WHERE conversation_id IN (SELECT value FROM json_each(:ids))""",
    "postgresql": """SELECT n, conversation_id AS id FROM searched_conversations
        WHERE conversation_id IN (SELECT jsonb_array_elements_text(CAST(:ids AS jsonb)))""",
}


@dataclass(frozen=True, slots=True)
class Found:
    """The newest message of a conversation that holds the words."""

    message_id: str
    excerpt: str


class Search:
    """One query, as plain words, in one transaction."""

    def __init__(self, tx: Connection, q: str) -> None:
        self._tx = tx
        self._typed = q[:QUERY_MAX]
        self._terms: Terms = read_terms(self._typed)
        self._by: Any = search_sqlite if tx.dialect.name == "sqlite" else search_postgres
        self._search = self._by.make_search(tx, self._terms) if self._terms.words else None
        self._found: Mapping[int, int] = {}

    def condition(self) -> ColumnElement[bool] | None:
        """The conversations found; None: too many, see `among`."""
        if self._search is None:
            return self._spelt()
        found = self._by.find_all(self._tx, self._search, FEW)
        if found is None:
            return None
        self._found = found
        numbers = text(self._by.OF_NUMBERS).bindparams(numbers=json.dumps(list(found)))
        return or_(numbers, self._addressed())

    def located(self, rows: Collection[AnyRow]) -> Mapping[str, int]:
        """The messages found in conversations that fulfil the condition."""
        numbered = text(_NUMBERED[self._tx.dialect.name])
        known = self._tx.execute(numbered, {"ids": json.dumps([row.id for row in rows])})
        return {row.id: self._found[row.n] for row in known if row.n in self._found}

    def among(self, rows: Collection[AnyRow]) -> Mapping[str, int]:
        """Of these conversations the ones found, by id, with the message found.

        Negative: it was the name or the number.
        """
        ids = [row.id for row in rows]
        found = {} if self._search is None else self._by.find_among(self._tx, self._search, ids)
        key = contact_key(self._typed)
        return {row.id: -1 for row in rows if row.contact_key == key} | dict(found)

    def show(self, seqs: Mapping[str, int]) -> Mapping[str, Found]:
        """By conversation the message found, with a piece of its text."""
        by_seq = {seq: conversation for conversation, seq in seqs.items() if seq > 0}
        shown = select(messages.c.seq, messages.c.id, messages.c.text, messages.c.transcript)
        rows = self._tx.execute(shown.where(messages.c.seq.in_(by_seq))) if by_seq else ()
        return {by_seq[row.seq]: Found(row.id, self._excerpt(row)) for row in rows}

    def _excerpt(self, row: AnyRow) -> str:
        return excerpt(" ".join(filter(None, (row.text, row.transcript))), self._terms)

    def _addressed(self) -> ColumnElement[bool]:
        return conversations.c.contact_key == contact_key(self._typed)

    def _spelt(self) -> ColumnElement[bool]:
        """Where nothing typed is a word: signs in a name or among the last words."""
        columns = (conversations.c.name, conversations.c.last_text)
        signs = (column.icontains(self._typed, autoescape=True) for column in columns)
        return or_(self._addressed(), *signs)
