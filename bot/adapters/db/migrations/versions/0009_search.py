"""The words of all that was said, to be searched. Existing messages follow in the background.

All of it is derived from `conversations` and `messages`, and kept in step by triggers: whatever
deletes or changes a message there takes its words away here in the same transaction.
"""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

_NEWLY_NORMALIZED = 130000  # the PostgreSQL that has normalize()
_WORDS_MAX = 20_000
_SUFFIXES = 9


def _said(row: str) -> str:
    """What is searched of a message: of one that was taken back, nothing."""
    words = f"{row}.text || ' ' || coalesce({row}.transcript, '')"
    return f"CASE WHEN {row}.deleted_at IS NULL THEN substr({words}, 1, {_WORDS_MAX}) ELSE '' END"


def _known_as(row: str) -> str:
    """A contact's name and address, and the number from each of its first digits on."""
    ends = " || ' ' || ".join(f"substr({row}.contact_key, {n + 1})" for n in range(1, _SUFFIXES))
    number = f"CASE WHEN {row}.contact_key LIKE '+%' THEN {ends} ELSE '' END"
    return f"coalesce({row}.name, '') || ' ' || {row}.contact || ' ' || {number}"


def upgrade() -> None:
    _add_list_indexes()
    op.create_table(
        "searched_conversations",
        sa.Column("n", sa.Integer(), nullable=False),
        sa.Column("conversation_id", sa.String(length=40), nullable=False, unique=True),
        sa.PrimaryKeyConstraint("n", name=op.f("pk_searched_conversations")),
    )
    op.create_table(
        "searched_range",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("low", sa.BigInteger(), nullable=False),
        sa.Column("high", sa.BigInteger(), nullable=False),
        sa.Column("purge", sa.Integer(), server_default="0", nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_searched_range")),
    )
    words = _said("m")
    statements = [
        f"""CREATE VIEW searched_said AS SELECT m.seq AS seq, k.n AS n, {words} AS words
            FROM messages m
            JOIN searched_conversations k ON k.conversation_id = m.conversation_id""",
    ]
    statements += _sqlite() if op.get_bind().dialect.name == "sqlite" else _postgres()
    for statement in statements:
        op.get_bind().exec_driver_sql(statement)


def _add_list_indexes() -> None:
    op.drop_index("ix_conversations_with_person", "conversations")
    with_person, in_need = sa.text("state = 'human'"), sa.text("needs_attention")
    op.create_index(
        "ix_conversations_with_person",
        "conversations",
        ["state", "last_message_at", "id"],
        sqlite_where=with_person,
        postgresql_where=with_person,
    )
    op.create_index(
        "ix_conversations_in_need",
        "conversations",
        ["needs_attention", "last_message_at", "id"],
        sqlite_where=in_need,
        postgresql_where=in_need,
    )
    op.create_index(
        "ix_conversations_of_line", "conversations", ["line_id", "last_message_at", "id"]
    )


def _sqlite() -> list[str]:
    number = "(SELECT n FROM searched_conversations WHERE conversation_id = {0}.id)"
    is_known = "EXISTS (SELECT 1 FROM searched_messages WHERE seq = old.seq)"
    forget = "INSERT INTO searched_words (searched_words, rowid, c, b) VALUES ('delete', {0});"
    learn = "INSERT INTO searched_words (rowid, c, b) VALUES ({0});"
    said_by = "(SELECT n FROM searched_messages WHERE seq = old.seq)"
    of_message = f"old.seq, {said_by}"
    newest = "(SELECT coalesce(max(seq), 0) FROM messages)"
    of_name = f"-{number.format('old')}, {number.format('old')}"
    return [
        """CREATE VIRTUAL TABLE searched_words USING fts5(
            c, b, content='', tokenize='unicode61 remove_diacritics 2')""",
        "CREATE VIRTUAL TABLE searched_terms USING fts5vocab(searched_words, instance)",
        "CREATE TABLE searched_messages (seq INTEGER PRIMARY KEY, n INTEGER NOT NULL)",
        "INSERT INTO searched_conversations (conversation_id) SELECT id FROM conversations",
        f"""INSERT INTO searched_words (rowid, c, b)
            SELECT -k.n, k.n, {_known_as("c")} FROM searched_conversations k
            JOIN conversations c ON c.id = k.conversation_id ORDER BY k.n DESC""",
        "INSERT INTO searched_messages (seq, n) SELECT -n, n FROM searched_conversations "
        "ORDER BY n DESC",
        f"""CREATE TRIGGER searched_new_conversation AFTER INSERT ON conversations BEGIN
            INSERT INTO searched_conversations (conversation_id) VALUES (new.id);
            INSERT INTO searched_messages (seq, n) VALUES
                (-{number.format("new")}, {number.format("new")});
            {learn.format(f"-{number.format('new')}, {number.format('new')}, {_known_as('new')}")}
            END""",
        f"""CREATE TRIGGER searched_renamed AFTER UPDATE OF name, contact ON conversations
            WHEN new.name IS NOT old.name OR new.contact IS NOT old.contact BEGIN
            {forget.format(f"{of_name}, {_known_as('old')}")}
            {learn.format(f"{of_name}, {_known_as('new')}")}
            END""",
        f"""CREATE TRIGGER searched_gone AFTER DELETE ON conversations BEGIN
            {forget.format(f"{of_name}, {_known_as('old')}")}
            DELETE FROM searched_messages WHERE seq = -{number.format("old")};
            DELETE FROM searched_conversations WHERE conversation_id = old.id;
            UPDATE searched_range SET purge = 1;
            END""",
        f"""CREATE TRIGGER searched_changed AFTER UPDATE OF text, transcript, deleted_at ON messages
            WHEN {is_known} BEGIN
            {forget.format(f"{of_message}, {_said('old')}")}
            {learn.format(f"{of_message}, {_said('new')}")}
            END""",
        f"""CREATE TRIGGER searched_deleted AFTER DELETE ON messages WHEN {is_known} BEGIN
            {forget.format(f"{of_message}, {_said('old')}")}
            DELETE FROM searched_messages WHERE seq = old.seq;
            UPDATE searched_range SET purge = 1;
            END""",
        # SQLite gives the number of the newest message again when that one is gone.
        f"""CREATE TRIGGER searched_anew AFTER DELETE ON messages BEGIN
            UPDATE searched_range SET high = {newest} WHERE high > {newest};
            END""",
    ]


def _postgres() -> list[str]:
    return [
        f"""CREATE FUNCTION searched_fold(given text) RETURNS text
            LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$ SELECT {_folded()} $$""",
        """CREATE FUNCTION searched_lexemes(given text) RETURNS tsvector
            LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$ SELECT array_to_tsvector(
            array_remove(string_to_array(searched_fold(given), ' '), '')) $$""",
        """CREATE TABLE searched_messages (
            seq bigint PRIMARY KEY, n integer NOT NULL, words tsvector)""",
        "INSERT INTO searched_conversations (conversation_id) SELECT id FROM conversations",
        f"""INSERT INTO searched_messages SELECT -k.n, k.n, searched_lexemes({_known_as("c")})
            FROM searched_conversations k JOIN conversations c ON c.id = k.conversation_id""",
        "CREATE INDEX ix_searched_messages_conversation ON searched_messages (n, seq)",
        "CREATE INDEX ix_searched_messages_words ON searched_messages USING gin (words)",
        f"""CREATE FUNCTION searched_conversation() RETURNS trigger LANGUAGE plpgsql AS $$
            DECLARE number integer; BEGIN
            IF TG_OP = 'DELETE' THEN
                DELETE FROM searched_conversations WHERE conversation_id = OLD.id
                RETURNING n INTO number;
                DELETE FROM searched_messages WHERE seq = -number;
                RETURN OLD;
            END IF;
            INSERT INTO searched_conversations (conversation_id) VALUES (NEW.id)
                ON CONFLICT (conversation_id) DO UPDATE SET conversation_id = NEW.id
                RETURNING n INTO number;
            INSERT INTO searched_messages VALUES
                (-number, number, searched_lexemes({_known_as("NEW")}))
                ON CONFLICT (seq) DO UPDATE SET words = EXCLUDED.words;
            RETURN NEW; END $$""",
        # What the index is just being told of cannot be seen yet: it is overwritten, never skipped,
        # and an empty row keeps the words of a message out that is gone.
        f"""CREATE FUNCTION searched_message() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
            IF TG_OP = 'DELETE' THEN
                INSERT INTO searched_messages VALUES (OLD.seq, 0, NULL)
                ON CONFLICT (seq) DO UPDATE SET words = NULL, n = 0;
                RETURN OLD;
            END IF;
            INSERT INTO searched_messages SELECT NEW.seq, k.n, searched_lexemes({_said("NEW")})
                FROM searched_conversations k WHERE k.conversation_id = NEW.conversation_id
                ON CONFLICT (seq) DO UPDATE SET words = EXCLUDED.words;
            RETURN NEW; END $$""",
        """CREATE TRIGGER searched_conversation AFTER INSERT OR DELETE ON conversations
            FOR EACH ROW EXECUTE FUNCTION searched_conversation()""",
        """CREATE TRIGGER searched_renamed AFTER UPDATE OF name, contact ON conversations
            FOR EACH ROW WHEN (NEW.name IS DISTINCT FROM OLD.name
                OR NEW.contact IS DISTINCT FROM OLD.contact)
            EXECUTE FUNCTION searched_conversation()""",
        """CREATE TRIGGER searched_changed AFTER UPDATE OF text, transcript, deleted_at ON messages
            FOR EACH ROW EXECUTE FUNCTION searched_message()""",
        """CREATE TRIGGER searched_deleted AFTER DELETE ON messages
            FOR EACH ROW EXECUTE FUNCTION searched_message()""",
    ]


def _folded() -> str:
    """Small letters without accents, a blank for whatever is no letter or digit, no long word.

    The signs are named one by one: in some locales PostgreSQL takes only ASCII for letters.
    """
    given = f"left(given, {2 * _WORDS_MAX})"
    bind = op.get_bind()
    version = int(bind.exec_driver_sql("SHOW server_version_num").scalar_one())
    encoding = bind.exec_driver_sql("SHOW server_encoding").scalar_one()
    if encoding != "UTF8":
        signs = "\x01-\x2f\x3a-\x40\x5b-\x60\x7b-\x7f"
    else:
        signs = (
            "\x01-\x2f\x3a-\x40\x5b-\x60\x7b-\xa9\xab-\xb1\xb4\xb6-\xb8\xbb\xbf"
            "\u2000-\u206f\u20a0-\u20cf\u2190-\u2bff\u3000-\u3004\u3008-\u3020"
            "\ufe00-\ufe0f\U0001f000-\U0001faff"
        )
        if version >= _NEWLY_NORMALIZED:
            given = f"regexp_replace(normalize({given}, NFKD), '[\u0300-\u036f]', '', 'g')"
    class_ = "[" + "".join(_escaped(char) for char in signs) + "]+"
    words = f"regexp_replace(lower({given}), E'{class_}', ' ', 'g')"
    return f"regexp_replace({words}, '([^ ]{{60}})[^ ]+', E'\\\\1', 'g')"


def _escaped(char: str) -> str:
    """A character of a bracket expression, in an E'' string; `-` stands for a range."""
    return char if char == "-" else f"\\\\U{ord(char):08x}"
