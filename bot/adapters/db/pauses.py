"""Whether a person has a conversation: by itself, with its line, or with everything."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, Connection, false, literal_column, or_, select, true

from bot.adapters.db.rows import ALL, AnyRow
from bot.adapters.db.schema import conversations, lines
from bot.domain.conversation import Owner
from bot.domain.shown import Answerer, ConversationView, PauseScope, ScopeView


@dataclass(frozen=True, slots=True)
class Pauses:
    """The paused lines, `*` among them when everything is."""

    by_line: Mapping[str, AnyRow]

    def of(self, line_id: str | None) -> AnyRow | None:
        """The pause that a line is under, the longer one of two; None: the bot answers there."""
        scopes = (ALL,) if line_id is None else (line_id, ALL)
        return longest([self.by_line[scope] for scope in scopes if scope in self.by_line])

    def scope(self, line_id: str | None) -> ScopeView:
        """Who answers on a line, or (None) everywhere."""
        pause = self.of(line_id)
        if pause is None:
            return ScopeView("bot", None)
        return ScopeView("human", pause.paused_until)

    def condition(self, state: Answerer) -> ColumnElement[bool]:
        """The conversations that are in this state."""
        if ALL in self.by_line:
            return true() if state == "human" else false()
        on_paused_line = conversations.c.line_id.in_(self.by_line)
        # Said as the index of those who are with a person says it: SQLite uses it for nothing else.
        human = conversations.c.state == literal_column(f"'{Owner.HUMAN.value}'")
        if state == "human":
            return or_(human, on_paused_line) if self.by_line else human
        bot = conversations.c.state == Owner.BOT
        return bot & ~on_paused_line if self.by_line else bot


def load_pauses(tx: Connection) -> Pauses:
    """The pauses of lines and of everything; there are few lines."""
    rows = tx.execute(select(lines).where(lines.c.paused_at.is_not(None)))
    return Pauses({row.line_id: row for row in rows})


def longest(pauses: Sequence[AnyRow]) -> AnyRow | None:
    """Of several pauses the one that ends last; None when there are none."""
    for pause in pauses:
        if pause.paused_until is None:
            return pause
    return max(pauses, key=lambda pause: pause.paused_until, default=None)


def show_conversation(row: AnyRow, pauses: Pauses) -> ConversationView:
    """A row of `conversations`, under its own pause, its line's or everything's."""
    own = [row] if row.state == Owner.HUMAN else []
    wider = pauses.of(row.line_id)
    pause = longest(own if wider is None else [*own, wider])
    return ConversationView(
        id=row.id,
        line_id=row.line_id,
        contact=row.contact,
        name=row.name,
        state="bot" if pause is None else "human",
        paused_until=None if pause is None else pause.paused_until,
        paused_by=None if pause is None else pause.paused_by,
        needs_attention=row.needs_attention,
        last_message_at=row.last_message_at,
        last_text=row.last_text,
        number=row.number,
        attention_reason=row.attention_reason,
        opted_out_at=row.opted_out_at,
        blocked_at=row.blocked_at,
        pause_scope=_scope(row, pauses),
        holder=row.paused_by if own else None,
    )


def _scope(row: AnyRow, pauses: Pauses) -> PauseScope | None:
    if row.state == Owner.HUMAN:
        return "conversation"
    if ALL in pauses.by_line:
        return "everything"
    return "line" if row.line_id in pauses.by_line else None
