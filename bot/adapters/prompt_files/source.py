"""A prompt file's text, checked and compiled: every fault at once, with its line and column."""

import hashlib
import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path, PurePosixPath
from types import MappingProxyType
from typing import Any

from bot.adapters.prompt_files.guards import read_guards
from bot.adapters.prompt_files.including import unbundle, whole
from bot.adapters.prompt_files.keys import (
    KEYS,
    LABEL_KEYS,
    MAX_ITEMS,
    MAX_KEYWORD_LENGTH,
    MAX_LANGUAGES,
    NAME_PATTERN,
    RULE_KEYS,
    TEXT_KEYS,
    TRANSLATABLE,
)
from bot.adapters.prompt_files.reading import Reader
from bot.adapters.prompt_files.rendering import ReadyPrompt, system_size, values_for
from bot.adapters.prompt_files.syntax import RESERVED
from bot.adapters.prompt_files.template import MAX_RESULT_BYTES, TextTemplate, check_template
from bot.domain.keywords import OPT_IN_WORDS, OPT_OUT_WORDS
from bot.domain.prompt import Business, HandOffRule, Prompt, Value, WordRule
from bot.errors import Fault, SettingsError
from bot.yaml_reader import KeyPath, parse_yaml

# Words of the template language itself.
_WORDS = frozenset(["and", "or", "not", "in", "is", "if", "else", "elif", "for", "endif", "endfor"])
_NAME = re.compile(NAME_PATTERN)
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
    source: str,
    file: str,
    business: Business,
    name: str | None = None,
    *,
    folder: Path = Path(),
    line_variables: Mapping[str, Mapping[str, Value]] = MappingProxyType({}),
) -> ReadyPrompt:
    """Like `parse_prompt`, compiled; `name` by default comes from `file`.

    `source` may hold the parts that it includes, as `gather` gives it; both they and `file` are
    named in faults as they are in `folder`. `line_variables`: what each line says instead of the
    prompt's own.
    """
    text, parts = unbundle(source)
    document = whole(parse_yaml(text, file), parts, folder)
    texts = {file: text} | {str(folder / part): content for part, content in parts.items()}
    parser = _Parser(document, {shown: content.splitlines() for shown, content in texts.items()})
    prompt = parser.prompt(prompt_name(file) if name is None else name, source)
    templates = parser.compile(prompt, business)
    ready = ReadyPrompt(prompt, templates)
    if not parser.faults:
        parser.check_size(ready, business)
        parser.check_lines(ready, business, line_variables)
    if parser.faults:
        raise SettingsError(_in_order(parser.faults, file))
    return ready


def _in_order(faults: list[Fault], file: str) -> tuple[Fault, ...]:
    """The prompt's own file first, each from its top."""
    return tuple(sorted(faults, key=lambda it: (it.file != file, it.file, it.line, it.column)))


class _Parser(Reader):
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
            own_language=self._code(("own_language",)),
            languages=self._languages(),
        )

    def compile(self, prompt: Prompt, business: Business) -> Mapping[str, TextTemplate]:
        """A template for each text; those of the hand-off under `hand_off.when` and `.say`."""
        texts: dict[KeyPath, str] = {(key,): text for key, text in prompt.texts.items()}
        if prompt.hand_off is not None:
            texts |= {("hand_off", "when"): prompt.hand_off.when}
            texts |= {("hand_off", "say"): prompt.hand_off.say}
        for language, words in prompt.languages.items():
            texts |= {("languages", language, key): text for key, text in words.items()}
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

    def check_lines(
        self, ready: ReadyPrompt, business: Business, lines: Mapping[str, Mapping[str, Value]]
    ) -> None:
        """Whether the texts can be worked out with what each line says instead."""
        tried = []
        for line_id, variables in lines.items():
            mine = {name: it for name, it in variables.items() if name in ready.prompt.variables}
            if mine and mine not in tried:
                tried.append(mine)
                self._check_line(ready, business, line_id, mine)

    def _check_line(
        self, ready: ReadyPrompt, business: Business, line_id: str, mine: Mapping[str, Value]
    ) -> None:
        whose = f"lines.{line_id}.variables in the settings"
        for name, value in mine.items():
            is_list = isinstance(ready.prompt.variables[name], tuple)
            if is_list != isinstance(value, tuple):
                wanted = "a list" if is_list else "no list"
                self._add(("variables", name), f"is {wanted}, and in {whose} it is not so")
                return
        special = replace(ready.prompt, variables={**ready.prompt.variables, **mine})
        before = len(self.faults)
        templates = self.compile(special, business)
        for index, fault in enumerate(self.faults[before:], before):
            self.faults[index] = replace(fault, message=f"with {whose}: {fault.message}")
        if (
            len(self.faults) == before
            and system_size(ReadyPrompt(special, templates), business) > MAX_RESULT_BYTES
        ):
            self._add(("instructions",), f"with {whose} over {MAX_RESULT_BYTES} bytes: shorten it")

    def _languages(self) -> Mapping[str, Mapping[str, str]]:
        given = self._value(("languages",))
        if given is None:
            return {}
        if not isinstance(given, dict) or len(given) > MAX_LANGUAGES:
            remedy = "write `es:`, and indented under it `fallback: |` and the like"
            self._add(("languages",), f"must be at most {MAX_LANGUAGES} languages: {remedy}")
            return {}
        return dict(self._spoken(given))

    def _spoken(self, given: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, str]]]:
        for tag, words in given.items():
            path: KeyPath = ("languages", tag)
            if not self._is_code(path, tag) or words is None:
                continue
            if not isinstance(words, dict):
                self._add(path, "must be lines of `fallback: |` and the like, indented under it")
                continue
            self._unknown(path, TRANSLATABLE)
            texts = {key: self._text((*path, key)) for key in words if key in TRANSLATABLE}
            yield tag, {key: text for key, text in texts.items() if text}

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
        usable = usable and all(0 < len(word) <= MAX_KEYWORD_LENGTH for word in words)
        if not usable or len(words) > MAX_ITEMS:
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
        if not isinstance(given, dict):
            self._add(("variables",), "must be lines of `name: value`, indented under it")
            return {}
        if len(given) > MAX_ITEMS:
            self._add(("variables",), f"must be at most {MAX_ITEMS}: put some into lists")
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
