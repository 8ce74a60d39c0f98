"""What `bot chat` shows of an answer: what the customer gets, and why."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from bot.cli.terminal import cell
from bot.domain.chat import ChatMessage, Picture
from bot.domain.media import Attachment
from bot.domain.prompt import RenderedPrompt
from bot.domain.turn import MadeBy
from bot.rehearsal import Ended, Outcome, Overheard

_SHOWN_CHARS = 300
_LINE_CHARS = 160


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer and where it came from."""

    outcome: Outcome
    heard: tuple[Overheard, ...]
    """What the model was asked for it; empty: a rule has decided."""
    prompt: RenderedPrompt
    file: str


def what_came(outcome: Outcome) -> Iterator[str]:
    """What the customer gets, and what they do not see of it in brackets."""
    reply = outcome.reply
    if reply is None:
        return
    for note in reply.made_by.notes:
        yield f"[guard: {note}]"
    if reply.withheld is not None:
        yield from (f"[held back: {part}]" for part in reply.withheld.parts)
    yield from reply.parts
    if outcome.hand_off is not None:
        yield f"[handed over to a person: {outcome.hand_off.reason}]"


def why(answer: Answer) -> Iterator[str]:
    """How it came about, a line for each thing that had a part in it."""
    outcome = answer.outcome
    yield f"[prompt: {answer.file} {outcome.made_by.prompt_version or answer.prompt.version}]"
    if answer.heard:
        yield f"[model: {_model(outcome.made_by, answer.heard)}]"
    else:
        yield f"[by rule: {rule_of(outcome, answer.prompt)}]"
    if outcome.reason:
        yield f"[no answer: {cell(outcome.reason, _LINE_CHARS)}]"
    yield from (f"[guard: {note}]" for note in outcome.made_by.notes)
    if outcome.hand_off is not None:
        yield f"[handed over to a person: {cell(outcome.hand_off.reason, _LINE_CHARS)}]"
    for heard in answer.heard[-1:]:
        yield from _sent(heard)


def rule_of(outcome: Outcome, prompt: RenderedPrompt) -> str:
    """Which rule has decided before any model was asked."""
    if outcome.opting is not None:
        return f"the customer has {outcome.opting}: a whole message of the prompt's keywords"
    if outcome.hand_off is not None:
        return "`hand_off.keywords` of the prompt"
    if outcome.ended is Ended.ANSWERED:
        fixed = {"unheard": prompt.unheard, "unsupported": prompt.unsupported}
        named = (key for key, text in fixed.items() if text and text.strip() in outcome.text)
        return f"`{next(named, 'fallback')}` of the prompt"
    return outcome.reason or outcome.ended.value


def total(heard: Sequence[Overheard]) -> str:
    """What these took together."""
    if not heard:
        return "[nothing was spent: no model was asked]"
    tokens = sum(one.tokens for one in heard)
    costs = [one.cost for one in heard]
    known = sum(cost for cost in costs if cost is not None)
    unknown = {one.completion.usage.model for one in heard if one.cost is None}
    cost = f"{known:.4f}" if len(unknown) == 0 else "cost not known"
    gap = f": llm.prices has no price for {', '.join(sorted(unknown))}" if unknown else ""
    return f"[{len(heard)} calls of the model, {tokens} tokens, {cost}{gap}]"


def summary(media: Attachment) -> str:
    """What was made of a file, in a line for whoever types."""
    reading = media.reading
    if reading.problem is not None:
        return f"{media.media_type}: {reading.problem.value}: {reading.error}"
    heard = "" if reading.service is None else f" as heard by {reading.service}"
    said = " ".join(reading.text[:_SHOWN_CHARS].split())
    pictures = f"{len(reading.pictures)} picture(s) for the model" if reading.pictures else ""
    parts = (f"{media.media_type}{heard}", said, pictures)
    return ": ".join(part for part in parts if part)


def _model(made_by: MadeBy, heard: Sequence[Overheard]) -> str:
    usage = heard[-1].completion.usage
    tokens = sum(one.tokens for one in heard)
    costs = [one.cost for one in heard if one.cost is not None]
    cost = f"cost {sum(costs):.4f}" if len(costs) == len(heard) else "cost not known"
    took = "" if made_by.llm_ms is None else f", {made_by.llm_ms / 1000:.1f} s"
    again = f", asked {len(heard)} times" if len(heard) > 1 else ""
    return f"{usage.model}, {tokens} tokens, {cost}{took}{again}"


def _sent(heard: Overheard) -> Iterator[str]:
    """What the model was sent, each message in short."""
    if heard.request.hand_off_when is not None:
        yield "[sent: it may call a person]"
    for message in heard.request.messages:
        text = _words(message)
        yield f"[sent: {message.role}, {len(text)} characters: {cell(text, _LINE_CHARS)}]"


def _words(message: ChatMessage) -> str:
    if isinstance(message.content, str):
        return message.content
    parts = ("[a picture]" if isinstance(part, Picture) else part for part in message.content)
    return " ".join(parts)
