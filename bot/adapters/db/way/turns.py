"""A turn's part of the way: what it took, what the model cost, how it ended."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby

from bot.adapters.db.rows import AnyRow
from bot.domain.turn import NOTED_MAX, TurnState
from bot.domain.way import Noted, Step, between_ms, told, words_of

_NAMED_MAX = 5
_FEW = 2
"""So many turns that end alike are told one by one."""
_ENDS = {
    TurnState.ANSWERED: (Step.ANSWERED, "its reply was stored"),
    TurnState.SUPERSEDED: (Step.SUPERSEDED, "newer messages came, its reply was dropped"),
    TurnState.DRAFTED: (Step.DRAFTED, "a person took over, its reply is kept as a draft"),
    TurnState.RELEASED: (Step.RELEASED, "its messages waited for another try"),
    TurnState.FAILED: (Step.FAILED, "no reply could be made"),
    TurnState.SKIPPED: (Step.SKIPPED, "nothing had to be said"),
    TurnState.DEFERRED: (Step.DEFERRED, "the bot was off duty"),
    TurnState.LOST: (Step.LOST, "its worker was gone"),
}
_DECLINED = (Step.DECLINED, "it was for a person")


def taken(turn: AnyRow) -> tuple[str, ...]:
    """The ids of the messages that it took, in order; of turns of old they are not known."""
    return tuple((turn.message_ids or "").split())


def notes(turns: Sequence[AnyRow], message_id: str, prompts: Mapping[str, str]) -> Iterator[Noted]:
    """What the turns came to that had this message in hand; `prompts`: names by version."""
    for _, alike in groupby(turns, key=lambda turn: (turn.state, turn.error)):
        several = list(alike)
        few = several if len(several) <= _FEW else several[:1]
        for turn in few:
            yield from _notes(turn, message_id, prompts)
        more = len(several) - len(few)
        if more:
            what = told(f"{more} more turns were {several[0].state}, in the same way")
            yield Noted(several[-1].ended_at, Step.REPEATED, what)


def _notes(turn: AnyRow, message_id: str, prompts: Mapping[str, str]) -> Iterator[Noted]:
    others = [one for one in taken(turn) if one != message_id]
    together = _together(others, len(taken(turn)))
    yield Noted(turn.started_at, Step.CLAIMED, told(turn.id, together, _named(others)))
    if turn.ended_at is None:
        return
    if turn.model is not None:
        model = told(turn.model, _prompt(turn, prompts), _tokens(turn), _cost(turn))
        yield Noted(turn.ended_at, Step.MODEL, model, turn.llm_ms)
        for note in (turn.guards or "").splitlines():
            yield Noted(turn.ended_at, Step.GUARD, told(*note.split()))
    elif turn.prompt_version is not None and turn.state != TurnState.FAILED:
        yield Noted(turn.ended_at, Step.PROMPT, told("its own words", _prompt(turn, prompts)))
    yield _end(turn, together)


def _together(others: Sequence[str], count: int) -> str:
    """What else it took; as many as it took in all: it is told of the reply, not of a message."""
    if not others:
        return ""
    more = " or more" if count == NOTED_MAX else ""
    if len(others) == count:
        return f"for {count}{more} {'message' if count == 1 else 'messages'}"
    return f"together with {len(others)}{more} {'other' if len(others) == 1 else 'others'}"


def _named(others: Sequence[str]) -> str:
    more = ["…"] if len(others) > _NAMED_MAX else []
    return " ".join([*others[:_NAMED_MAX], *more])


def _prompt(turn: AnyRow, prompts: Mapping[str, str]) -> str:
    name = prompts.get(turn.prompt_version, "")
    return " ".join(part for part in ("prompt", name, turn.prompt_version) if part)


def _tokens(turn: AnyRow) -> str:
    if turn.tokens_in is None and turn.tokens_out is None:
        return "tokens not counted"
    return f"{turn.tokens_in or 0} tokens in, {turn.tokens_out or 0} out"


def _cost(turn: AnyRow) -> str:
    return "no price known" if turn.cost is None else f"cost {turn.cost:.6g}"


def _end(turn: AnyRow, together: str) -> Noted:
    state = TurnState(turn.state)
    # Only what is for a person is skipped with a word on it.
    is_declined = state is TurnState.SKIPPED and turn.error is not None
    step, what = _DECLINED if is_declined else _ENDS[state]
    if step is Step.ANSWERED and together:
        what = f"answered {together}"
    late = "late, with an apology" if turn.late and step is Step.ANSWERED else ""
    took_ms = between_ms(turn.started_at, turn.ended_at)
    return Noted(turn.ended_at, step, told(what, late, words_of(turn.error)), took_ms)
