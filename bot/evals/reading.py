"""Test files: read strictly, every fault at once with its line and column."""

import re
from collections.abc import Callable, Mapping
from pathlib import PurePosixPath
from typing import Any

from bot.errors import SettingsError
from bot.evals.language import LANGUAGES
from bot.evals.patterns import BadPattern, check_pattern
from bot.evals.script import (
    Conversation,
    Criterion,
    Expectation,
    Kind,
    Message,
    Simulated,
    Step,
    Suite,
    Wanted,
)
from bot.evals.values import GROUP, MAX_REPEAT, Values
from bot.yaml_reader import KeyPath, parse_yaml

FILE_KEYS = (
    *("prompt", "line", "now", "contact", "hours", "bot_answers", "judge_model"),
    *("repeat", "pass_rate", "never_says", "conversations"),
)
CONVERSATION_KEYS = (
    *("name", "contact", "turns", "customer", "expect", "never_says", "repeat", "pass_rate"),
)
MESSAGE_KEYS = ("text", "voice", "image")
STEP_KEYS = ("customer", *MESSAGE_KEYS, "wait", "expect")
"""A turn that is one message may be that message itself."""
CUSTOMER_KEYS = ("goal", "temper", "begins", "max_turns")
JUDGE_KEYS = ("criterion", "times", "pass_rate")
EXPECT_KEYS = tuple(Kind)
BOT_ANSWERS = ("always", "in_hours", "outside_hours")

MAX_CONVERSATIONS = 300
MAX_STEPS = 60
MAX_BURST = 20

_PROMPT_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,99}")
_LINE_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.:-]{0,127}")


def parse_suite(
    source: str,
    file: str,
    folder: str = ".",
    is_there: Callable[[str], bool] = lambda _image: True,
) -> Suite:
    """The tests that this text holds, or SettingsError with every fault.

    `is_there` tells whether a picture is, by its path from `folder`.
    """
    reader = _Reader(parse_yaml(source, file))
    reader.is_there = is_there
    suite = reader.suite(file, folder)
    if reader.faults:
        by_place = sorted(reader.faults, key=lambda fault: (fault.line, fault.column))
        raise SettingsError(tuple(by_place))
    return suite


class _Reader(Values):
    is_there: Callable[[str], bool]

    def suite(self, file: str, folder: str) -> Suite:
        self.unknown((), FILE_KEYS)
        names = self.texts(("prompt",))
        line = self.text(("line",)) or "default"
        if not all(_PROMPT_NAME.fullmatch(name) for name in names):
            self.add(("prompt",), "must be a prompt's name: `default` for prompts/default.yaml")
        if not _LINE_ID.fullmatch(line):
            self.add(("line",), "must be a line's id, as in config.yaml")
        if not names and line == "default":
            names = (PurePosixPath(file).stem,)
        answers = self.text(("bot_answers",))
        if answers and answers not in BOT_ANSWERS:
            self.add(("bot_answers",), f"must be one of {', '.join(BOT_ANSWERS)}")
        return Suite(
            file=file,
            folder=folder,
            prompts=names,
            line_id=line,
            now=self.moment(("now",)),
            hours=self.hours(("hours",)),
            bot_answers=answers or None,  # type: ignore[arg-type]  # one of them, or a fault
            judge_model=self.text(("judge_model",)) or None,
            conversations=self._conversations(),
        )

    def _conversations(self) -> tuple[Conversation, ...]:
        path: KeyPath = ("conversations",)
        items = self.items(path, MAX_CONVERSATIONS)
        if not items and self.is_fine(path):
            self.add(path, "is missing: write at least one conversation, beginning with `- name:`")
        found = [self._conversation((*path, index)) for index in range(len(items))]
        known: set[str] = set()
        for index, one in enumerate(found):
            if one.name in known:
                self.add((*path, index, "name"), "is taken: give each conversation its own")
            known.add(one.name)
        return tuple(found)

    def _conversation(self, path: KeyPath) -> Conversation:
        if not self.is_group(path):
            self.add(path, "must be a conversation: `- name: …`, and under it `turns:`")
            return Conversation("?", ())
        self.unknown(path, CONVERSATION_KEYS)
        name = " ".join(self.text((*path, "name"), needed=True).split())
        if len(name) > 200:
            self.add((*path, "name"), "must have at most 200 characters")
        never = (*self._never_says(("never_says",)), *self._never_says((*path, "never_says")))
        return Conversation(
            name=name,
            customer=self._customer(path),
            expectations=(*self._expectations((*path, "expect")), *never),
            repeat=self.whole((*path, "repeat"), self.whole(("repeat",), 1, MAX_REPEAT), 100),
            pass_rate=self.share((*path, "pass_rate"), self.share(("pass_rate",), 1.0)),
            contact=self.text((*path, "contact")) or self.text(("contact",)) or None,
            line=self.line(path),
        )

    def _customer(self, path: KeyPath) -> tuple[Step, ...] | Simulated:
        scripted, played = (self.value((*path, key)) for key in ("turns", "customer"))
        if (scripted is None) == (played is None):
            message = (
                "needs `turns:` (what the customer writes) or `customer:` (whom a model plays)"
            )
            self.add(path, message if scripted is None else f"{message}, not both")
            return ()
        if played is not None:
            return self._simulated((*path, "customer"))
        turns: KeyPath = (*path, "turns")
        items = self.items(turns, MAX_STEPS)
        if not items and self.is_fine(turns):
            self.add(turns, "must be a list: lines that begin with `- customer:`")
        return tuple(self._step((*turns, index)) for index in range(len(items)))

    def _step(self, path: KeyPath) -> Step:
        if not isinstance(self.value(path), dict):
            return Step(self._burst(path))
        self.unknown(path, STEP_KEYS)
        messages = self._said(path)
        expected = self._expectations((*path, "expect"))
        return Step(messages, expected, self.length((*path, "wait")))

    def _said(self, path: KeyPath) -> tuple[Message, ...]:
        beside = [key for key in MESSAGE_KEYS if self.value((*path, key)) is not None]
        if not beside:
            return self._burst((*path, "customer"))
        if self.value((*path, "customer")) is not None:
            message = f"stands beside `customer`: write a list there, [hello, {{{beside[0]}: …}}]"
            self.add((*path, beside[0]), message, at_key=True)
        return (self._parts(path),)

    def _burst(self, path: KeyPath) -> tuple[Message, ...]:
        value = self.value(path)
        if value is None:
            self.add(path, "is missing: write what the customer says")
            return ()
        if not isinstance(value, list):
            return (self._message(path),)
        items = self.items(path, MAX_BURST)
        if not items:
            self.add(path, "is empty: write what the customer says")
        return tuple(self._message((*path, index)) for index in range(len(items)))

    def _message(self, path: KeyPath) -> Message:
        if not isinstance(self.value(path), dict):
            return Message("text", self.text(path, needed=True))
        self.unknown(path, MESSAGE_KEYS)
        return self._parts(path)

    def _parts(self, path: KeyPath) -> Message:
        text, voice, image = (self.text((*path, key)) for key in MESSAGE_KEYS)
        if self.value((*path, "voice")) is not None:
            if text or image:
                self.add(path, "is a voice note: `voice` alone, or several messages in a list")
            return Message("voice", voice)
        if image:
            self._check_image((*path, "image"), image)
            return Message("image", text, image)
        if not text:
            self.add(path, "is empty: write `text`, `voice` or `image`")
        return Message("text", text)

    def _check_image(self, path: KeyPath, image: str) -> None:
        parts = PurePosixPath(image).parts
        if image.startswith(("/", "~")) or "\\" in image or ".." in parts or ":" in image:
            self.add(path, "must be a picture beside this file: `pictures/cake.jpg`")
        elif not self.is_there(image):
            self.add(path, f"no such picture {image[:100]}: put it beside this file")

    def _simulated(self, path: KeyPath) -> Simulated:
        if not self.is_group(path):
            self.add(path, f"{GROUP}, at least `goal: …`")
            return Simulated("?")
        self.unknown(path, CUSTOMER_KEYS)
        return Simulated(
            goal=self.text((*path, "goal"), needed=True),
            temper=self.text((*path, "temper")),
            begins=self.text((*path, "begins")),
            max_turns=self.whole((*path, "max_turns"), 8, 30),
        )

    # expectations

    def _never_says(self, path: KeyPath) -> tuple[Expectation, ...]:
        words = self.texts(path)
        return (Expectation(Kind.NEVER_SAYS, words, self.line(path)),) if words else ()

    def _expectations(self, path: KeyPath) -> tuple[Expectation, ...]:
        value = self.value(path)
        if value is None:
            return ()
        if not isinstance(value, dict):
            self.add(path, f"{GROUP}: `contains: …`")
            return ()
        self.unknown(path, EXPECT_KEYS)
        known = [Kind(key) for key in value if key in EXPECT_KEYS]
        return tuple(
            Expectation(kind, wanted, self.line((*path, kind)))
            for kind in known
            for wanted in self._wanted(kind, (*path, str(kind)))
        )

    def _wanted(self, kind: Kind, path: KeyPath) -> tuple[Wanted, ...]:
        if self.value(path) is None:
            self.add(path, "is empty: write what is expected, or remove it")
            return ()
        if kind is Kind.JUDGE:
            return self._criteria(path)
        read: Mapping[Kind, Callable[[KeyPath], Wanted | None]] = {
            Kind.MATCHES: self._patterns,
            Kind.HANDS_OFF: self.flag,
            Kind.SAYS_NOTHING: self.flag,
            Kind.OPTED_OUT: self.flag,
            Kind.LANGUAGE: self._language,
            Kind.MAX_LENGTH: lambda at: self.whole(at, 1, 100_000),
            Kind.MAX_COST: self.amount,
            Kind.SAYS_EXACTLY: lambda at: self.text(at, needed=True),
        }
        wanted = read.get(kind, self.texts)(path)
        return () if wanted is None or wanted == () else (wanted,)

    def _criteria(self, path: KeyPath) -> tuple[Criterion, ...]:
        value = self.value(path)
        places = [(*path, index) for index in range(len(value))] if _is_list(value) else [path]
        return tuple(self._criterion(place) for place in places)

    def _criterion(self, path: KeyPath) -> Criterion:
        if not isinstance(self.value(path), dict):
            return Criterion(self.text(path, needed=True))
        self.unknown(path, JUDGE_KEYS)
        return Criterion(
            self.text((*path, "criterion"), needed=True),
            self.whole((*path, "times"), 1, 21),
            self.share((*path, "pass_rate"), 1.0),
        )

    def _patterns(self, path: KeyPath) -> tuple[str, ...]:
        patterns = self.texts(path)
        for pattern in patterns:
            try:
                check_pattern(pattern)
            except BadPattern as bad:
                self.add(path, str(bad))
        return patterns

    def _language(self, path: KeyPath) -> str | None:
        code = self.text(path, needed=True).strip().lower().replace("_", "-").partition("-")[0]
        if code not in LANGUAGES:
            self.add(path, f"must be one of {', '.join(LANGUAGES)}")
        return code


def _is_list(value: Any) -> bool:
    return isinstance(value, list)
