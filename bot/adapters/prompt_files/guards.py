"""The prompt's `guards`: what becomes of an answer that says what it should not."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from bot.domain.guards.rules import Act, Guards
from bot.domain.suggestion import nearest
from bot.errors import Fault
from bot.yaml_reader import Document, KeyPath

KEYS = ("never_say", "promises", "figures", "leaks")
ACTS = tuple(act.value for act in Act)
_PHRASES_MAX = 200
_PHRASE_MAX = 100


def read_guards(document: Document, faults: list[Fault]) -> Guards:
    """As the prompt says, else only noted; what is wrong is added to the faults."""
    return _Reader(document, faults).guards()


@dataclass(frozen=True, slots=True)
class _Reader:
    document: Document
    faults: list[Fault]

    def guards(self) -> Guards:
        given = self.document.value.get("guards")
        if given is None:
            return Guards()
        if not isinstance(given, dict):
            self._fault((), "must be lines such as `figures: regenerate`, indented by two spaces")
            return Guards()
        self._check_names((), given, KEYS)
        never_say, words = self._never_say(given.get("never_say"))
        return Guards(
            never_say=never_say,
            words=words,
            promises=self._act(("promises",), given.get("promises"), Act.LOG),
            figures=self._act(("figures",), given.get("figures"), Act.LOG),
            leaks=self._leaks(given.get("leaks")),
        )

    def _never_say(self, given: Any) -> tuple[Act, tuple[str, ...]]:
        """A list alone is only noted; or `words` and what to `do`."""
        if not isinstance(given, dict):
            return Act.LOG, self._words(("never_say",), given)
        self._check_names(("never_say",), given, ("words", "do"))
        words = self._words(("never_say", "words"), given.get("words"))
        return self._act(("never_say", "do"), given.get("do"), Act.LOG), words

    def _words(self, path: KeyPath, given: Any) -> tuple[str, ...]:
        items = [] if given is None else given if isinstance(given, list) else [given]
        words = tuple(str(item).strip() for item in items)
        usable = all(isinstance(item, str | int | float) for item in items)
        if not usable or len(words) > _PHRASES_MAX or not all(map(_is_phrase, words)):
            self._fault(
                path, f"must be a list of at most {_PHRASES_MAX} short phrases: [guaranteed]"
            )
            return ()
        return words

    def _leaks(self, given: Any) -> Act:
        act = self._act(("leaks",), given, Act.HAND_OFF)
        if act in (Act.OFF, Act.LOG):
            what = "secrets, others' data and tool output never leave"
            self._fault(("leaks",), f"{what}: write regenerate or hand_off")
            return Act.HAND_OFF
        return act

    def _act(self, path: KeyPath, given: Any, default: Act) -> Act:
        if given is None:
            return default
        if given is False:  # `off`, as other readers of YAML understand it
            return Act.OFF
        if not isinstance(given, str) or given not in ACTS:
            self._fault(path, f"must be one of {', '.join(ACTS)}")
            return default
        return Act(given)

    def _check_names(self, path: KeyPath, given: Mapping[str, Any], known: tuple[str, ...]) -> None:
        for name in given:
            if name not in known:
                self._fault((*path, name), f"no such key; {nearest(name, known)}", at_key=True)

    def _fault(self, path: KeyPath, message: str, *, at_key: bool = False) -> None:
        self.faults.append(self.document.fault(("guards", *path), message, at_key=at_key))


def _is_phrase(words: str) -> bool:
    return 0 < len(words) <= _PHRASE_MAX and any(sign.isalnum() for sign in words)
