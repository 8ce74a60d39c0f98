"""The searches in PostgreSQL, by tsvector and GIN, with what every server has built in.

`searched_messages` has a row for every message and, with a negative number, for every contact.
"""

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass

from sqlalchemy import Connection, TextClause, text

from bot.adapters.db.search_terms import Terms

_PROBED, _OFTEN = 4000, 100
"""Words that so many of the newest messages hold are not counted to the end."""

_FOLD = text("SELECT searched_fold(CAST(:word AS text))")
_PROBE = text("""
    SELECT count(*) FROM (
        SELECT words FROM searched_messages ORDER BY seq DESC LIMIT :probed) newest
    WHERE words @@ CAST(CAST(:words AS text) AS tsquery)""")
_ALL = text("""
    SELECT n, max(seq) AS seq, count(*) AS times FROM (
        SELECT n, seq FROM searched_messages
        WHERE words @@ CAST(CAST(:words AS text) AS tsquery) LIMIT :most) found
    GROUP BY n""")
# A fence, since the planner would look for all messages that hold the words, for each conversation;
# and along the index, or it would read and sort all of a conversation to find its newest.
_IN_ORDER = text("SET LOCAL enable_bitmapscan = off")
_AMONG = text("""
    SELECT k.conversation_id AS id, (
        SELECT w.seq FROM (
            SELECT seq, words FROM searched_messages m WHERE m.n = k.n
            ORDER BY seq DESC OFFSET 0) w
        WHERE w.words @@ CAST(CAST(:words AS text) AS tsquery) LIMIT 1) AS seq
    FROM searched_conversations k
    WHERE k.conversation_id IN (SELECT jsonb_array_elements_text(CAST(:ids AS jsonb)))""")
OF_NUMBERS = """conversations.id IN (SELECT conversation_id FROM searched_conversations
    WHERE n IN (SELECT CAST(jsonb_array_elements_text(CAST(:numbers AS jsonb)) AS integer)))"""


@dataclass(frozen=True, slots=True)
class Search:
    """A query in the language of tsquery, made of quoted words only."""

    words: str


def make_search(tx: Connection, terms: Terms) -> Search:
    """The query for these words."""
    folded = [tx.execute(_FOLD, {"word": word}).scalar_one().split() for word in terms.words]
    words = [_quoted(part) for parts in folded for part in parts]
    said = " & ".join(words) + ":*" if words else "''"
    return Search(f"({said}) | '{terms.number}':*" if terms.number else said)


def find_all(tx: Connection, search: Search, most: int) -> Mapping[int, int] | None:
    """By conversation the newest message found; None: there are more than `most` messages."""
    asked = {"words": search.words, "probed": _PROBED}
    if tx.execute(_PROBE, asked).scalar_one() >= _OFTEN:
        return None
    rows = tx.execute(_ALL, {"words": search.words, "most": most + 1}).all()
    if sum(row.times for row in rows) > most:
        return None
    return {row.n: row.seq for row in rows}


def find_among(tx: Connection, search: Search, ids: Collection[str]) -> Mapping[str, int]:
    """By conversation the newest message found in these conversations."""
    asked = {"words": search.words, "ids": json.dumps(list(ids))}
    tx.execute(_IN_ORDER)
    return {row.id: row.seq for row in tx.execute(_AMONG, asked) if row.seq is not None}


def _quoted(word: str) -> str:
    doubled = word.replace("\\", "\\\\").replace("'", "''")
    return f"'{doubled}'"


# How it is filled

ADD: TextClause = text("""
    INSERT INTO searched_messages (seq, n, words)
    SELECT seq, n, searched_lexemes(words) FROM searched_said s
    WHERE seq BETWEEN :first AND :last
    AND NOT EXISTS (SELECT 1 FROM searched_messages m WHERE m.seq = s.seq)
    ON CONFLICT (seq) DO NOTHING""")
# Many words are sorted in at once five times as fast as one by one. Every search reads through
# what is not sorted in yet, so that is not left to the server's own time.
SORT_IN: TextClause = text("SELECT gin_clean_pending_list('ix_searched_messages_words')")
