"""A prompt file's text, checked and compiled: every fault at once, with its line and column."""

import hashlib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import PurePosixPath
from typing import Any

from bot.adapters.prompt_files.guards import read_guards
from bot.adapters.prompt_files.rendering import ReadyPrompt, system_size, values_for
from bot.adapters.prompt_files.syntax import RESERVED, TemplateFault
from bot.adapters.prompt_files.template import MAX_RESULT_BYTES, TextTemplate, check_template
from bot.domain.keywords import OPT_IN_WORDS, OPT_OUT_WORDS
from bot.domain.prompt import Business, HandOffRule, Prompt, Value, WordRule
from bot.domain.suggestion import nearest
from bot.errors import Fault, SettingsError
from bot.yaml_reader import DecimalNumber, Document, KeyPath, WholeNumber, parse_yaml

TEXT_KEYS = (
    "instructions",
    "facts",
    "language",
    "fallback",
    "apology",
    "away",
    "unsupported",
    "unheard",
    "disclosure",
)
LABEL_KEYS = ("name", "model")
RULE_KEYS: Mapping[str, tuple[str, ...]] = {
    "hand_off": ("when", "keywords", "say"),
    "opt_out": ("keywords", "say"),
    "opt_in": ("keywords", "say"),
}
KEYS = (*TEXT_KEYS, *LABEL_KEYS, *RULE_KEYS, "variables", "guards")
MAX_ITEMS = 200

# Words of the template language itself.
_WORDS = frozenset(["and", "or", "not", "in", "is", "if", "else", "elif", "for", "endif", "endfor"])
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,63}")
_DEFAULTS = {
    "fallback": "Sorry, I can't answer that right now. We will get back to you as soon as we can.",
    "unsupported": "Sorry, I can only read text messages so far. Please write it to me in words.",
    "opt_out": "You will get no more messages from us. If you change your mind, write START.",
    "opt_in": "Welcome back! You get our messages again.",
}
_DEFAULT_WORDS = {"opt_out": OPT_OUT_WORDS, "opt_in": OPT_IN_WORDS}
_HAND_OFF_WHEN = "The customer asks for a person, or complains."
_HAND_OFF_SAY = "One moment, a colleague will take over and write to you here."


def prompt_name(file: str) -> str:
    """`default` for `prompts/default.yaml`; a file elsewhere keeps its folders."""
    path = PurePosixPath(file).with_suffix("")
    return path.name if path.parts[:-1] == ("prompts",) else str(path)


def parse_prompt(source: str, file: str, business: Business, name: str | None = None) -> Prompt:
    """The prompt that this text is, or SettingsError with every fault."""
    return ready_prompt(source, file, business, name).prompt


def ready_prompt(
    source: str, file: str, business: Business, name: str | None = None
) -> ReadyPrompt:
    """Like `parse_prompt`, compiled; `file` is for faults, `name` by default comes from it."""
    parser = _Parser(parse_yaml(source, file), source.splitlines())
    prompt = parser.prompt(prompt_name(file) if name is None else name, source)
    templates = parser.compile(prompt, business)
    if not parser.faults:
        parser.check_size(ReadyPrompt(prompt, templates), business)
    if parser.faults:
        raise SettingsError(
            tuple(sorted(parser.faults, key=lambda fault: (fault.line, fault.column)))
        )
    return ReadyPrompt(prompt, templates)


@dataclass(slots=True)
class _Parser:
    document: Document
    lines: list[str]
    faults: list[Fault] = field(default_factory=list)

    def prompt(self, name: str, source: str) -> Prompt:
        self._unknown((), KEYS)
        texts = {key: self._text((key,)) for key in TEXT_KEYS}
        if not texts["instructions"]:
            self._add(("instructions",), "is missing: write what the bot is to do")
        rules = {key: self._rule(key) for key in RULE_KEYS}
        texts |= {key: rule.say for key, rule in rules.items() if rule and key != "hand_off"}
        labels = {key: self._label(key) for key in LABEL_KEYS}
        return Prompt(
            name=name,
            version=hashlib.sha256(source.encode()).hexdigest()[:12],
            source=source,
            texts={**_DEFAULTS, **{key: text for key, text in texts.items() if text}},
            hand_off=self._with_defaults(rules["hand_off"]),
            opt_out=self._words("opt_out", rules["opt_out"]),
            opt_in=self._words("opt_in", rules["opt_in"]),
            model=labels["model"] or None,
            variables=self._variables(),
            guards=read_guards(self.document, self.faults),
        )

    def compile(self, prompt: Prompt, business: Business) -> Mapping[str, TextTemplate]:
        """A template for each text; those of the hand-off under `hand_off.when` and `.say`."""
        texts: dict[KeyPath, str] = {(key,): text for key, text in prompt.texts.items()}
        if prompt.hand_off is not None:
            texts |= {("hand_off", "when"): prompt.hand_off.when}
            texts |= {("hand_off", "say"): prompt.hand_off.say}
        trial = values_for(prompt, business)
        compiled = {}
        for path, text in texts.items():
            template, faults = check_template(text, prompt.variables, trial)
            compiled[".".join(map(str, path))] = template
            self.faults += [self._in_template(path, fault) for fault in faults]
        return compiled

    def check_size(self, ready: ReadyPrompt, business: Business) -> None:
        if system_size(ready, business) > MAX_RESULT_BYTES:
            self._add(("instructions",), f"the whole is over {MAX_RESULT_BYTES} bytes: shorten it")

    def _add(self, path: KeyPath, message: str, *, at_key: bool = False) -> None:
        self.faults.append(self.document.fault(path, message, at_key=at_key))

    def _value(self, path: KeyPath) -> Any:
        value: Any = self.document.value
        for part in path:
            value = value.get(part) if isinstance(value, dict) else None
        return value

    def _unknown(self, path: KeyPath, known: tuple[str, ...]) -> None:
        for key in self._value(path):
            if key not in known:
                self._add((*path, key), f"no such key; {nearest(key, known)}", at_key=True)

    def _text(self, path: KeyPath) -> str:
        """Empty when absent; numbers are the text they were written as."""
        value = self._value(path)
        if value is None:
            return ""
        if not isinstance(value, str | WholeNumber | DecimalNumber):
            self._add(path, "must be text: write it after `key: |`, indented by two spaces")
            return ""
        return str(value) if str(value).strip() else ""

    def _label(self, key: str) -> str:
        text = self._text((key,)).strip()
        if len(text) > 200 or not text.isprintable():
            self._add((key,), "must be one line of at most 200 characters")
        return text

    def _rule(self, key: str) -> HandOffRule | None:
        """A plain text is what to say."""
        value = self._value((key,))
        if value is None:
            return None
        if not isinstance(value, dict):
            return HandOffRule(say=self._text((key,)))
        known = RULE_KEYS[key]
        self._unknown((key,), known)
        when = self._text((key, "when")) if "when" in known else ""
        return HandOffRule(when, self._keywords((key, "keywords")), self._text((key, "say")))

    def _keywords(self, path: KeyPath) -> tuple[str, ...]:
        value = self._value(path)
        items = [] if value is None else value if isinstance(value, list) else [value]
        words = tuple(str(item).strip() for item in items)
        usable = all(isinstance(item, str | int | float) for item in items)
        if not usable or len(words) > MAX_ITEMS or not all(0 < len(word) <= 100 for word in words):
            self._add(path, f"must be a list of at most {MAX_ITEMS} short words: [agent, person]")
            return ()
        return words

    def _with_defaults(self, rule: HandOffRule | None) -> HandOffRule | None:
        """A rule that nothing could ever set off would only look as if it worked."""
        if rule is None:
            return None
        when = _HAND_OFF_WHEN if not rule.when and not rule.keywords else rule.when
        return replace(rule, when=when, say=rule.say if rule.say else _HAND_OFF_SAY)

    def _words(self, key: str, rule: HandOffRule | None) -> WordRule:
        """The usual words, unless the prompt has a list of its own; an empty one: none at all."""
        own = rule is not None and self._value((key, "keywords")) is not None
        keywords = rule.keywords if rule is not None and own else _DEFAULT_WORDS[key]
        return WordRule(keywords, "" if rule is None else rule.say)

    def _variables(self) -> Mapping[str, Value]:
        given = self._value(("variables",))
        if given is None:
            return {}
        if not isinstance(given, dict) or len(given) > MAX_ITEMS:
            self._add(("variables",), f"must be at most {MAX_ITEMS} lines of `name: value`")
            return {}
        return dict(self._usable(given))

    def _usable(self, given: Mapping[str, Any]) -> Iterator[tuple[str, Value]]:
        for name, value in given.items():
            path: KeyPath = ("variables", name)
            if not _NAME.fullmatch(name):
                self._add(path, "a name has letters, digits and `_` only", at_key=True)
            elif name in RESERVED or name in _WORDS:
                self._add(path, "is taken: call it something else", at_key=True)
            elif isinstance(value, list):
                yield name, self._items(path, value)
            else:
                yield name, self._scalar(path, value)

    def _items(self, path: KeyPath, items: list[Any]) -> Value:
        if len(items) > MAX_ITEMS:
            self._add(path, f"must have at most {MAX_ITEMS} entries")
        return tuple(self._scalar((*path, index), item) for index, item in enumerate(items))

    def _scalar(self, path: KeyPath, value: Any) -> str | int | float | bool:
        if isinstance(value, str | int | float):
            return value
        self._add(path, "must be text, a number, true, false, or a list of these")
        return ""

    def _in_template(self, path: KeyPath, fault: TemplateFault) -> Fault:
        at = self.document.fault(path, fault.message)
        first = self.document.block_lines.get(path)
        if first is None:
            return at
        line = first + fault.line - 1
        return replace(at, line=line, column=self._column(line, fault.word))

    def _column(self, line: int, word: str) -> int:
        text = self.lines[line - 1] if line <= len(self.lines) else ""
        found = re.search(rf"(?<!\w){re.escape(word)}(?!\w)", text) if word else None
        return len(text) - len(text.lstrip()) + 1 if found is None else found.start() + 1
