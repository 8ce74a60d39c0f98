"""Settings: what an operator may write, and what is said about everything else."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path

import pytest

from bot.config import PLACEHOLDERS, Settings, load, reload_note
from bot.config.tree import LineEntry
from bot.domain.holidays import Holiday
from bot.domain.opening_hours import off_duty
from bot.errors import SettingsError

ROOT = Path(__file__).parents[1]
SECRETS = {"MOSSMOON_WEBHOOK_SECRET": "hush-one, hush-two", "MOSSMOON_API_KEY": "mm_live_hush"}

Write = Callable[[str | bytes], Path]


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Write:
    monkeypatch.chdir(tmp_path)

    def write_config(text: str | bytes) -> Path:
        data = text if isinstance(text, bytes) else text.encode()
        (tmp_path / "config.yaml").write_bytes(data)
        return Path("config.yaml")

    return write_config


def read(path: Path | None = None, env: Mapping[str, str] | None = None, **more: bool) -> Settings:
    return load(path, {**SECRETS, **({} if env is None else env)}, **more)


def faults(path: Path | None = None, env: Mapping[str, str] | None = None) -> list[str]:
    with pytest.raises(SettingsError) as caught:
        read(path, env)
    assert "hush" not in f"{caught.value!r} {caught.value}"
    return [str(fault) for fault in caught.value.faults]


BAD_FILES: dict[str, tuple[str | bytes, list[str]]] = {
    "tag": ("llm: !!python/object:os.system {}", ["1:6: llm: tags (`!name`) are refused"]),
    "alias": (
        "llm: &a {model: x}\nserver: *a",
        ["1:6: llm: anchors", "2:9: server: aliases"],
    ),
    "alias bomb": (
        "a: &a [x, x]\nb: &b [*a, *a]",
        ["1:4: a: anchors", "2:4: b: anchors", "2:8: b.0: aliases", "2:12: b.1: aliases"],
    ),
    "key given twice": (
        "server:\n  port: 1\n  port: 2",
        ["3:3: server.port: given twice: it is already on line 2"],
    ),
    "time as a number": ("server: {port: 12:30}", ["1:16: server.port: must be a whole number"]),
    "no as false": (
        "takeover: {wait_for_person: no}",
        ["1:29: takeover.wait_for_person: must be `true` or `false`"],
    ),
    "true as a number": ("server: {port: true}", ["1:16: server.port: must be a whole number"]),
    "number in quotes": ("server: {port: '80'}", ["1:16: server.port: must be a whole number"]),
    "endless number": ("llm: {timeout_s: .inf}", ["1:18: llm.timeout_s: must be a number that is"]),
    "5000 digits": (f"server: {{port: {'9' * 5000}}}", ["1:16: server.port: must be a whole"]),
    "out of range": (
        "server: {port: 70000}\nllm: {timeout_s: 0, temperature: 3}",
        [
            "1:16: server.port: must be at most 65535",
            "2:18: llm.timeout_s: must be more than 0",
            "2:34: llm.temperature: must be at most 2",
        ],
    ),
    "unknown keys": (
        "sever:\n  port: 1\nllm:\n  modell: x\nlines:\n  ln_1: {anwser: all}\n",
        [
            "1:1: sever: no such key; did you mean `server`?",
            "4:3: llm.modell: no such key; did you mean `model`?",
            "6:10: lines.ln_1.anwser: no such key; did you mean `answer`?",
        ],
    ),
    "tab": ("llm:\n\tmodel: x\n", ["2:1: a tab: indent with spaces"]),
    "two documents": ("llm: {}\n---\nserver: {}\n", ["2:1: a second document"]),
    "list": ("- 1\n- 2\n", ["1:1: must be a mapping"]),
    "section as text": ("llm: gpt\n", ["1:6: llm: must be a group of keys"]),
    "open bracket": ("llm: [\n", ["2:1: the file ends inside a bracket"]),
    "colon in text": ("business:\n  name: A: B\n", ["2:10: a `:` that does not fit here"]),
    "deep nesting": ("[" * 100_000, ["1:22: nested deeper than 20 levels"]),
    "not UTF-8": (b"llm:\n  model: \xff\n", ["2:10: not UTF-8"]),
    "UTF-16": ("llm: {}".encode("utf-16"), ["1:1: not UTF-8"]),
    "control character": ("llm: \x07\n", ["1:6: a control character"]),
    "NUL in quotes": ('llm: {model: "a\\0b"}', ["1:14: llm.model: holds a NUL"]),
    "half a character": ('llm: {model: "\\ud800"}', ["1:14: llm.model: holds a NUL or half"]),
    "over a megabyte": ("#" * 1_000_001, ["1:1: the file is over 1000000 bytes"]),
    "outside the project": (
        "lines:\n  default: {prompt: ../secret.yaml}\n  a: {prompt: /etc/passwd}\n",
        [
            "2:21: lines.default.prompt: must lie below the folder",
            "3:15: lines.a.prompt: must lie below the folder",
        ],
    ),
    "time zone": (
        "business: {timezone: Europe/Madird}",
        ["1:22: business.timezone: no such time zone; did you mean `Europe/Madrid`?"],
    ),
    "folder as time zone": ("business: {timezone: Europe}", ["1:22: business.timezone: no such"]),
    "hours": (
        "business:\n  hours:\n    mon: 9-5\n    someday: closed\n    tue: ['09:00-09:00']\n",
        [
            "3:10: business.hours.mon: write spans like",
            "4:5: business.hours.someday: no day of the week",
            "5:10: business.hours.tue: write spans like",
        ],
    ),
    "half a phone number": (
        "lines: {a: {answer: listed, only: [+34 600]}}",
        ["1:36: lines.a.only.0: not a whole phone number"],
    ),
    "numbers without listed": (
        "lines:\n  a: {only: ['+34600111222']}",
        ["2:6: lines.a: `only` counts with `answer: listed`"],
    ),
    "listed without numbers": ("lines: {a: {answer: listed}}", ["1:12: lines.a: `answer: listed`"]),
    "variables of a line": (
        "lines:\n  a:\n    variables: {a b: 1, c: {d: 1}, e: }\n",
        [
            "3:17: lines.a.variables.a b: a name has letters, digits and `_` only",
            "3:28: lines.a.variables.c: must be text, a number, true, false, or a list",
            "3:37: lines.a.variables.e: must be text, a number",
        ],
    ),
    "contacts of a line": (
        "lines: {a: {contacts: {'+34*': vip}}, b: {contacts: {'+34600111222': ../x.yaml}}}",
        [
            "1:23: lines.a.contacts: `*` has no meaning here",
            "1:70: lines.b.contacts.+34600111222: must lie below the folder",
        ],
    ),
    "one contact twice": (
        "lines: {a: {contacts: {'+34 600-111-222': vip, 0034600111222: vip}}}",
        ["1:23: lines.a.contacts: one number is given twice, in two spellings"],
    ),
    "answer": ("lines: {a: {answer: some}}", ["1:21: lines.a.answer: must be one of `all`,"]),
    "line id": ("lines: {'a b': {}}", ["1:9: lines.a b: a line's id has letters"]),
    "body without text": (
        "line_api: {text_body: {to: '{to}', text: '{txt}'}}",
        ['1:23: line_api.text_body: holds no "{text}"'],
    ),
    "host with a scheme": (
        "media: {allowed_hosts: ['https://x']}",
        ["1:25: media.allowed_hosts.0: write `host` or `host:port`"],
    ),
    "half a price": ("llm: {prices: {m: {input: 1}}}", ["1:19: llm.prices.m.output: is missing"]),
    "not built yet": (
        "retention: {messages_days: 1, media_days: 2}\n",
        [
            "1:28: retention.messages_days: not built yet: write 0",
            "1:43: retention.media_days: not built yet: write 0",
        ],
    ),
    "holidays": (
        "business:\n  holidays:\n    - 02-30\n    - 2027-02-29\n    - 25-12\n    - Christmas\n"
        "    - 2026-12-24..2026-12-23\n    - 2026-12-24..01-06\n    - 1225\n    - {a: b}\n",
        [
            "3:7: business.holidays.0: no such day: write the month, then the day",
            "4:7: business.holidays.1: no such day",
            "5:7: business.holidays.2: no such day",
            "6:7: business.holidays.3: write `2026-12-25`, `12-25` for every year, or a span",
            "7:7: business.holidays.4: ends before it begins: write the earlier day first",
            "8:7: business.holidays.5: write the year on both sides of `..`, or on neither",
            "9:7: business.holidays.6: write `2026-12-25`",
            "10:7: business.holidays.7: write `2026-12-25`",
        ],
    ),
    "holidays without end": (
        f"business: {{holidays: [{'12-25, ' * 367}]}}",
        ["1:22: business.holidays: too long: at most 366"],
    ),
    "one holiday without a list": (
        "business: {holidays: 12-25}",
        ["1:22: business.holidays: must be a list"],
    ),
    "when the bot answers": (
        "business: {bot_answers: sometimes}",
        ["1:25: business.bot_answers: must be one of `always`, `in_hours` or `outside_hours`"],
    ),
    "wildcards": (
        "lines:\n  a:\n    answer: listed\n    only: ['*']\n    block: ['+*', '(**)', '00*']\n",
        [
            "4:12: lines.a.only.0: `*` needs a digit or a letter beside it: write `+34*`",
            "5:13: lines.a.block.0: `*` needs a digit or a letter",
            "5:19: lines.a.block.1: `*` needs a digit or a letter",
            "5:27: lines.a.block.2: `*` needs a digit or a letter",
        ],
    ),
    "a wildcard that YAML takes for an alias": (
        "lines: {a: {block: [*99]}}",
        ["1:21: lines.a.block.0: aliases (`*name`) are refused: write the value out, or put it in"],
    ),
    "a wildcard for one person": (
        "takeover: {operators: ['+34*']}\nlines: {a: {operators: ['+34*'], number: '+34*'}}",
        [
            "1:24: takeover.operators.0: `*` has no meaning here: write one phone number like",
            "2:25: lines.a.operators.0: `*` has no meaning here",
            "2:42: lines.a.number: `*` has no meaning here",
        ],
    ),
    "blocked numbers that are none": (
        "lines: {a: {block: [+34 600, '']}}",
        [
            "1:21: lines.a.block.0: not a whole phone number",
            "1:30: lines.a.block.1: write a phone number like `+34600111222`",
        ],
    ),
    "what is seen of it": (
        "watchdog: {unanswered_s: 0, enabled: no}\nlog: {format: xml, level: loud}\n"
        "server: {metrics_port: 70000}\n",
        [
            "1:26: watchdog.unanswered_s: must be more than 0",
            "1:38: watchdog.enabled: must be `true` or `false`",
            "2:15: log.format: must be one of `auto`, `text` or `json`",
            "2:27: log.level: must be one of `debug`, `info`, `warning` or `error`",
            "3:24: server.metrics_port: must be at most 65535",
        ],
    ),
    "a collector that is none": (
        "tracing: {endpoint: localhost}",
        ["1:21: tracing.endpoint: must begin with https:// or http:// and a host"],
    ),
    "a collector with a password": (
        "tracing: {endpoint: 'https://me:hush@example.org'}",
        ["1:21: tracing.endpoint: must not hold a user or a password: set OTEL_EXPORTER_OTLP"],
    ),
    "a negative limit": (
        "limits: {messages_per_contact_per_10_minutes: -1}",
        ["1:47: limits.messages_per_contact_per_10_minutes: must be at least 0"],
    ),
}


@pytest.mark.parametrize("name", BAD_FILES)
def test_every_fault_names_its_line_its_column_and_the_remedy(name: str, write: Write) -> None:
    text, expected = BAD_FILES[name]
    found = faults(write(text))
    assert len(found) == len(expected), found
    for fault, start in zip(found, expected, strict=True):
        assert fault.startswith(f"config.yaml:{start}")


def test_faults_of_file_and_environment_come_at_once(write: Write) -> None:
    path = write("server: {port: x}")
    found = faults(path, {"MOSSMOON_API_KEY": "", "BOT__LLM__TIMEOUT_S": "soon"})
    assert [line.split(": ")[0] for line in found] == [
        "config.yaml:1:16",
        "BOT__LLM__TIMEOUT_S",
        "MOSSMOON_API_KEY",
    ]


@pytest.mark.parametrize("text", ["", "# nothing\n", "llm:\nlines:\n", "\ufeffllm: {}\r\n"])
def test_what_is_left_out_has_its_default(text: str, write: Write) -> None:
    settings = read(write(text))
    assert (settings.server.host, settings.server.port) == ("127.0.0.1", 8000)
    assert (settings.conversation.quiet_period_s, settings.conversation.max_wait_s) == (3, 20)
    assert settings.line("ln_any").prompt == "prompts/default.yaml"
    assert settings.line("ln_any").answer == "all"


def test_the_shipped_file_names_every_key_with_its_default(write: Write) -> None:
    shipped = read(write((ROOT / "config.yaml").read_text()), dev=True).model_dump()
    defaults = read(write(""), dev=True).model_dump()
    own = {"business", "lines", "secrets", "path", "warnings", "dev"}
    assert {key: shipped[key] for key in shipped if key not in own} == {
        key: defaults[key] for key in defaults if key not in own
    }
    text = (ROOT / "config.yaml").read_text()
    for section, keys in defaults.items():
        if section not in own - {"business"}:
            assert all(f"\n  {key}:" in text for key in keys), section
    of_lines = text[text.index("\nlines:") : text.index("\nline_api:")]
    assert [key for key in LineEntry.model_fields if f" {key}:" not in of_lines] == []


def test_a_missing_default_file_is_a_warning_and_a_missing_named_one_a_fault(write: Write) -> None:
    write("").unlink()
    assert "config.yaml: no such file" in str(read(env={}).warnings[0])
    assert faults(Path("other.yaml")) == [
        "other.yaml: no such file: correct the path or write the file"
    ]
    assert faults(env={"BOT_CONFIG": "third.yaml"})[0].startswith("third.yaml: no such file")


ODDITIES: dict[str, tuple[str, dict[str, str], str]] = {
    "the key's place": (
        "conversation:\n  quiet_period_s: 9\n  max_wait_s: 5\n",
        {},
        "config.yaml:3:15: conversation.max_wait_s",
    ),
    "its variable": (
        "conversation: {quiet_period_s: 9}\n",
        {"BOT__CONVERSATION__MAX_WAIT_S": "5"},
        "BOT__CONVERSATION__MAX_WAIT_S",
    ),
    "its section's variable": (
        "",
        {"BOT__CONVERSATION": '{"quiet_period_s": 9, "max_wait_s": 5}'},
        "BOT__CONVERSATION",
    ),
    "no place: another key of the section": (
        "conversation: {quiet_period_s: 90}\n",
        {},
        "conversation.max_wait_s",
    ),
}


@pytest.mark.parametrize("case", ODDITIES)
def test_a_warning_names_a_place_only_where_the_key_stands(case: str, write: Write) -> None:
    text, env, place = ODDITIES[case]
    warnings = [str(one) for one in read(write(text), {"DEEPGRAM_API_KEY": "x"} | env).warnings]
    assert [one for one in warnings if one.startswith(f"{place}: ") and "quiet_period_s" in one]


def test_a_missing_file_has_no_places(write: Write) -> None:
    write("").unlink()
    env = {"BOT__CONVERSATION__QUIET_PERIOD_S": "90"}
    warnings = [str(one) for one in read(env=env).warnings]
    assert not any("config.yaml:1" in one for one in warnings)
    assert any(one.startswith("conversation.max_wait_s: ") for one in warnings)


@pytest.mark.parametrize(
    ("text", "env", "warning"),
    [
        ("", {}, "DEEPGRAM_API_KEY: not set, so speech.provider is `none`: voice notes get"),
        ("speech: {provider: openai}\n", {}, "OPENAI_API_KEY: not set, so speech.provider"),
        (
            "speech: {fallback: [openai]}\n",
            {"DEEPGRAM_API_KEY": "x"},
            "OPENAI_API_KEY: not set, so it is left out",
        ),
        ("speech: {provider: local}\n", {}, "speech.local_model: `local` needs the folder"),
    ],
)
def test_a_speech_service_without_what_it_needs_is_a_warning(
    text: str, env: dict[str, str], warning: str, write: Write
) -> None:
    warnings = [str(one) for one in read(write(text), env).warnings]
    assert any(one.startswith(warning) for one in warnings), warnings


@pytest.mark.parametrize("text", ["s3:/bucket", "ftp://bucket", "s3://key:secret@bucket", "media"])
def test_a_store_that_is_none_is_a_fault(text: str, write: Write) -> None:
    (fault,) = faults(write(f'media: {{store: "{text}"}}\n'))
    assert "media.store: write s3://bucket/folder" in fault


def test_a_phone_number_without_quotes_stays_the_number_it_was(write: Write) -> None:
    settings = read(write("lines: {a: {answer: listed, only: [+34600111222, '0034 600-111-223']}}"))
    assert settings.line("a").only == ("+34600111222", "+34600111223")


def test_a_line_takes_what_it_leaves_out_from_the_default_line(write: Write) -> None:
    path = write("lines:\n  default: {prompt: shop, answer: nobody}\n  a: {prompt: x/y.yaml}\n")
    settings = read(path, {"BOT__LINES__ln_B__x__ANSWER": "all"})
    assert (settings.line("a").prompt, settings.line("a").answer) == ("x/y.yaml", "nobody")
    assert settings.line("ln_B__x").prompt == "prompts/shop.yaml"
    assert settings.line("ln_B__x").answer == "all"
    assert settings.line("unlisted").answer == "nobody"


def test_a_line_has_variables_and_prompts_for_contacts_besides_those_of_the_default_line(
    write: Write,
) -> None:
    path = write(
        "lines:\n"
        "  default: {variables: {owner: Rosa, days: 2}, contacts: {0034 600-111-222: vip}}\n"
        "  a: {variables: {owner: Ana, price: 1.50}, contacts: {+1 555 000 1111: b.yaml}}\n"
    )
    voices = read(path, {"BOT__LINES__b__VARIABLES": '{"menu": ["x"]}'}).voices()
    assert {name: str(value) for name, value in voices["a"].variables.items()} == {
        "owner": "Ana",
        "days": "2",
        "price": "1.50",
    }
    assert voices["b"].variables == {"owner": "Rosa", "days": 2, "menu": ("x",)}
    assert voices["a"].contacts == {"+34600111222": "prompts/vip.yaml", "+15550001111": "b.yaml"}
    assert voices["default"].contacts == {"+34600111222": "prompts/vip.yaml"}


def test_a_line_blocks_what_the_default_line_blocks_besides_its_own(write: Write) -> None:
    path = write(
        "lines:\n  default: {block: [+1900*, '0034 600-111-222']}\n"
        "  a: {block: ['0044 70*', +1900*], answer: listed, only: [34*, '*@g.us']}\n  b: {}\n"
    )
    settings = read(path)
    assert settings.line("a").block == ("+1900*", "+34600111222", "+4470*")
    assert settings.line("a").only == ("+34*", "*@g.us")
    for line_id in ("b", "default", "unlisted"):
        assert settings.line(line_id).block == ("+1900*", "+34600111222")
        assert settings.line(line_id).answer == "all"


def test_a_line_has_the_operators_of_all_lines_until_it_names_its_own(write: Write) -> None:
    text = (
        "takeover: {operators: [+34600111222, '0034 600 111 222', +34600111223]}\n"
        "lines:\n  a: {operators: [+34600333444]}\n  b: {operators: []}\n  c: {operators: }\n"
    )
    settings = read(write(text))
    everywhere = ("+34600111222", "+34600111223")
    assert settings.takeover.operators == everywhere
    assert settings.line("a").operators == ("+34600333444",)
    assert settings.line("b").operators == ()
    for line_id in ("c", "default", "unlisted"):
        assert settings.line(line_id).operators == everywhere
    settings = read(write(f"{text}  default: {{operators: [+34600555666]}}\n"))
    assert settings.takeover.operators == everywhere
    assert settings.line("c").operators == settings.line("x").operators == ("+34600555666",)
    assert settings.line("b").operators == ()


def test_addresses_are_taken_and_a_webhook_for_notices_is_never_shown(write: Write) -> None:
    env = {"BOT__TAKEOVER__NOTIFY_URL": "https://hooks.example:8443/hush?token=hush"}
    settings = read(write("server: {public_url: 'https://example.org/bot/'}"), env)
    assert settings.server.public_url == "https://example.org/bot"
    assert settings.takeover.notify_url == env["BOT__TAKEOVER__NOTIFY_URL"]
    assert "hush" not in f"{settings!r} {settings} {settings.takeover}"
    settings = read(write("server: {public_url: 'http://[::1]:8000'}"))
    assert (settings.server.public_url, settings.takeover.notify_url) == ("http://[::1]:8000", "")


def test_what_is_seen_of_it_is_off_or_on_this_machine_until_it_is_set(write: Write) -> None:
    settings = read(write(""))
    assert (settings.server.metrics_host, settings.server.metrics_port) == ("127.0.0.1", 0)
    assert (settings.log.format, settings.log.level) == ("auto", "info")
    assert (settings.tracing.endpoint, settings.watchdog.enabled) == ("", True)
    settings = read(write("tracing: {endpoint: 'http://127.0.0.1:4318/'}"))
    assert settings.tracing.endpoint == "http://127.0.0.1:4318"


def test_holidays_need_no_quotes_and_close_the_business(write: Write) -> None:
    days = "2026-12-25, 05-01, 2026-12-24 .. 2027-01-06, '12-24..01-06'"
    path = write(f"business: {{hours: {{fri: '09:00-17:00'}}, holidays: [{days}]}}")
    business = read(path, {"BOT__BUSINESS__BOT_ANSWERS": "outside_hours"}).business
    assert business.holidays == (
        Holiday((2026, 12, 25), (2026, 12, 25)),
        Holiday((5, 1), (5, 1)),
        Holiday((2026, 12, 24), (2027, 1, 6)),
        Holiday((12, 24), (1, 6)),
    )
    friday, christmas = (
        datetime(2026, 12, 18, 12, tzinfo=UTC),
        datetime(2026, 12, 25, 12, tzinfo=UTC),
    )
    assert business.opening().is_open(friday)
    assert not business.opening().is_open(christmas)
    assert off_duty(business.bot_answers, business.opening(), friday)


def test_the_hours_are_those_of_the_time_zone(write: Write) -> None:
    path = write("business: {timezone: Asia/Kolkata, hours: {mon: '00:00-01:00'}}")
    opening = read(path).business.opening()
    assert opening.is_open(datetime(2026, 3, 1, 18, 30, tzinfo=UTC))
    assert opening.timezone_name == "Asia/Kolkata"


def test_variables_override_the_file_and_the_longer_name_wins(write: Write) -> None:
    settings = read(
        write("llm: {model: file, timeout_s: 5}\nlines: {ln_a: {answer: nobody}}"),
        {
            "BOT__LLM": '{"model": "section", "temperature": 0.5}',
            "BOT__LLM__MODEL": "007",
            "BOT__SERVER__PORT": "0",
            "BOT__LINES": '{"ln_Bc": {"answer": "nobody"}}',
            "BOT__BUSINESS__HOURS__MON": '["9:00-12:00"]',
            "BOT__LINE_API__TEXT_BODY": '{"body": {"t": "{text}"}, "for": "{to}"}',
        },
    )
    assert (settings.llm.model, settings.llm.timeout_s, settings.llm.temperature) == ("007", 5, 0.5)
    assert settings.server.port == 0
    assert set(settings.lines) == {"ln_a", "ln_Bc"}
    assert settings.business.hours == {"mon": ("09:00-12:00",)}
    assert settings.line_api.text_body == {"body": {"t": "{text}"}, "for": "{to}"}


BAD_VARIABLES = {
    "BOT__SERVER__PROT=1": "no such setting; did you mean `BOT__SERVER__PORT`?",
    "BOT__ZEBRA__XYZZY=1": "no such setting; see config.yaml",
    "BOT__LINES__ln_1__PROMTP=x": "no such setting; did you mean `prompt`?",
    "BOT__SERVER__PORT=abc": "must be JSON",
    "BOT__SERVER__PORT=": "must be JSON",
    "BOT__LIMITS__LLM_COST_PER_DAY=NaN": "must be JSON",
    'BOT__LLM={"model": "a", "model": "b"}': "must be JSON",
    "BOT__LLM=" + "[" * 100_000: "must be JSON",
    "BOT__SERVER__HOST=": "must not be empty",
    'BOT__LINES={"ln_1": {"x": 1}}': "lines.ln_1.x: no such key",
    "BOT__LLM__TIMEOUT_S=-1": "must be more than 0",
    "BOT__TAKEOVER__NOTIFY_URL=ftp://hush": "must begin with https:// or http:// and a host",
    "BOT__TAKEOVER__NOTIFY_URL=https:///hush": "must begin with https:// or http:// and a host",
    "BOT__TAKEOVER__NOTIFY_URL=https://hush:99999/x": "not an address",
    "BOT__TAKEOVER__NOTIFY_URL=https://host/hush hush": "holds a blank",
    "BOT__TAKEOVER__NOTIFY_URL=https://host/húsh": "or a letter that no URL has",
    "BOT__TAKEOVER__NOTIFY_URL=https://hush/" + "x" * 2000: "must have at most 2000 characters",
    "BOT__TAKEOVER__OPERATORS=+34600111222": "must be JSON",
    "BOT__SERVER__PUBLIC_URL=bot.hush.org": "must begin with https:// or http:// and a host",
    "BOT__SERVER__PUBLIC_URL=https://": "must begin with https:// or http:// and a host",
    "BOT__SERVER__PUBLIC_URL=https://[hush": "not an address",
    "BOT__SERVER__PUBLIC_URL=https://hush:0": "its port is 0",
    "BOT__SERVER__PUBLIC_URL=https://me:hush@host": "must not hold a user or a password",
    "BOT__SERVER__PUBLIC_URL=https://host/?hush": "must not hold a `?` or a `#`",
    "BOT__SERVER__PUBLIC_URL=https://host/#": "must not hold a `?` or a `#`",
    "MOSSMOON_WEBHOOK_SECRET=": "empty",
    "MOSSMOON_WEBHOOK_SECRET= ": "empty",
    "MOSSMOON_WEBHOOK_SECRET=hush,,hush": "empty",
    "MOSSMOON_WEBHOOK_SECRET=hush,": "empty",
    "MOSSMOON_API_KEY= ": "empty",
    "MOSSMOON_API_KEY=hush hush": "holds a blank",
    "MOSSMOON_BASE_URL=ftp://hush": "must begin with https://",
    "MOSSMOON_BASE_URL=https://host:hush": "not an address",
    "OPENAI_API_KEY=húsh": "holds a blank",
    "OPENAI_BASE_URL=https://me:hush@host/v1": "must not hold a user or a password",
    "OPENAI_BASE_URL=https://host/v1?key=hush": "must not hold a `?`",
    "DEEPGRAM_BASE_URL=https://host/hush": "must not have a path",
    "DATABASE_URL=mysql://me:hush@host": "not a database this bot knows",
    "DATABASE_URL=postgresql": "not a database this bot knows",
    "DATABASE_URL=postgresql://[hush": "its host is not one",
    "DATABASE_URL=postgresql://me:hu@sh@host/db": "its host is not one",
    "DATABASE_URL=postgresql://host:hush/db": "not an address",
    "DATABASE_URL=postgresql+asyncpg://host:99999/db": "its port is not one",
    "DATABASE_URL=postgresql://host/db?sslmode=require": "`ssl=` means the same",
    "DATABASE_URL=postgresql://host/db?hush=1": "an option behind the `?`",
    "DATABASE_URL=sqlite://": "names no file",
    "DATABASE_URL=sqlite:///:memory:": "names no file",
    "DATABASE_URL=sqlite://hush/bot.db": "three slashes",
    "REDIS_URL=http://hush": "must begin with redis://",
    "REDIS_URL=redis://127.0.0.1:hush/0": "not an address",
    "REDIS_URL=redis://[hush": "not an address",
    "REDIS_URL=redis://host:99999/0": "not an address",
    "REDIS_URL=redis://": "has no host",
    "REDIS_URL=redis://host/hush": "its database is not a number",
    "REDIS_URL=redis://host?db=hush": "its database is not a number",
    "REDIS_URL=redis://host?hush=1": "an option behind the `?`",
    "REDIS_URL=redis://host?ssl_cert_reqs=none": "an option behind the `?`",
    "REDIS_URL=unix://": "names no socket",
    "OPERATOR_TOKEN=anna:hush,hush2": "a name or a token is empty",
    "OPERATOR_TOKEN=anna:hush,anna:hush2": "a name or a token is given twice",
    "OPERATOR_TOKEN=anna:hush,ben:hush": "a name or a token is given twice",
    "OPERATOR_TOKEN=anna:hush hush": "a token holds a blank",
}


@pytest.mark.parametrize("given", BAD_VARIABLES, ids=lambda given: given[:60])
def test_a_fault_of_the_environment_names_the_variable_and_not_its_value(
    given: str, write: Write
) -> None:
    name, _, value = given.partition("=")
    (found,) = faults(write(""), {name: value})
    assert found.startswith(f"{name}: ")
    assert BAD_VARIABLES[given] in found


def test_the_example_environment_is_refused_until_it_is_filled_in(write: Write) -> None:
    path = write("")
    Path(".env").write_text((ROOT / ".env.example").read_text())
    with pytest.raises(SettingsError) as caught:
        load(path, {})
    assert [(fault.file, fault.key) for fault in caught.value.faults] == [
        (".env", "MOSSMOON_WEBHOOK_SECRET"),
        (".env", "MOSSMOON_API_KEY"),
    ]
    assert not any(word in str(caught.value) for word in PLACEHOLDERS)


def test_without_secrets_only_the_sandbox_starts(write: Write) -> None:
    path = write("")
    with pytest.raises(SettingsError, match="MOSSMOON_WEBHOOK_SECRET: not set"):
        load(path, {})
    assert load(path, {}, dev=True).secrets.webhook_secrets == ()
    assert len(load(path, SECRETS, dev=True).secrets.webhook_secrets) == 2


def test_secrets_are_read_and_never_shown(write: Write) -> None:
    settings = read(
        write(""),
        {
            "OPERATOR_TOKEN": "anna:hush-1234567890123, ben:hush-0987654321098",
            "DATABASE_URL": "postgres://me:hush@host/db",
            "REDIS_URL": "rediss://:hush@host",
            "OPENAI_API_KEY": "hush",
        },
    )
    secrets = settings.secrets
    assert [one.get_secret_value() for one in secrets.webhook_secrets] == ["hush-one", "hush-two"]
    assert [one.name for one in secrets.operator_tokens] == ["anna", "ben"]
    assert secrets.database_url is not None
    assert secrets.database_url.get_secret_value() == "postgresql+asyncpg://me:hush@host/db"
    assert "hush" not in f"{settings!r} {settings} {secrets!r} {settings.warnings}"


@pytest.mark.parametrize(
    ("name", "url"),
    [
        ("DATABASE_URL", "postgresql+asyncpg://me:hu%40sh#[x@db-1.example:5433/name?ssl=require"),
        ("DATABASE_URL", "postgresql+asyncpg://[::1]:5432/name"),
        ("DATABASE_URL", "postgresql+asyncpg:///name?host=/run/postgresql"),
        ("DATABASE_URL", "sqlite+aiosqlite:////srv/bot/bot data.db"),
        ("REDIS_URL", "redis://:hush@[::1]:6380/15"),
        ("REDIS_URL", "rediss://me:hush@redis.example?db=3&ssl_cert_reqs=none"),
        ("REDIS_URL", "unix:///run/redis.sock?db=1"),
    ],
)
def test_an_address_that_can_be_used_is_taken_as_it_is(name: str, url: str, write: Write) -> None:
    secrets = read(write(""), {name: url}).secrets
    taken = secrets.database_url if name == "DATABASE_URL" else secrets.redis_url
    assert taken is not None
    assert taken.get_secret_value() == url


def test_a_variable_of_the_process_wins_over_the_file_beside_the_settings(write: Write) -> None:
    path = write("")
    Path(".env").write_text(
        "BOT__LLM__MODEL='from file' # comment\nBOT__SERVER__PORT=1\nMOSSMOON_API_KYE=hush\n"
    )
    settings = read(path, {"BOT__SERVER__PORT": "2"})
    assert (settings.llm.model, settings.server.port) == ("from file", 2)
    assert ".env:3:1: MOSSMOON_API_KYE: no such variable" in str(settings.warnings[0])


def test_a_line_of_the_environment_file_that_means_nothing_is_a_fault(write: Write) -> None:
    path = write("")
    Path(".env").write_text("A=1\nhush hush\nBOT__SERVER__PORT=x\n")
    assert faults(path) == [
        ".env:2:1: not understood: write NAME=value",
        ".env:3:1: BOT__SERVER__PORT: must be JSON: a number, true, false, a list or an object",
    ]


def test_the_data_directory_is_beside_the_settings(tmp_path: Path) -> None:
    (tmp_path / "shop.yaml").write_text("")
    settings = read(env={"BOT_CONFIG": str(tmp_path / "shop.yaml")})
    assert settings.secrets.data_dir == tmp_path / "data"
    elsewhere = {"BOT_CONFIG": str(tmp_path / "shop.yaml"), "BOT_DATA_DIR": "../x"}
    assert read(env=elsewhere).secrets.data_dir == tmp_path / "../x"


ODD = {
    "conversation: {max_wait_s: 1}": "conversation.max_wait_s: shorter than quiet_period_s",
    "retry: {max_delay_s: 0.5}": "retry.max_delay_s: shorter than base_delay_s",
    "limits: {llm_cost_per_day: 5}": "limits.llm_cost_per_day: no price for the model",
    "business: {bot_answers: in_hours}": (
        "config.yaml:1:25: business.bot_answers: no hours are set: the bot answers always"
    ),
    "business: {holidays: [12-25]}": "business.holidays: no hours are set: the business counts as",
    "lines: {a: {operators: []}}": (
        "takeover.operators: nobody is told when a customer needs a person: name numbers here, "
        "or a takeover.notify_url"
    ),
    "takeover: {operators: []}": "config.yaml:1:23: takeover.operators: nobody is told",
    "server: {metrics_port: 8000}": "server.metrics_port: also server.port: on one machine",
    "watchdog: {unanswered_s: 20}": "watchdog.unanswered_s: not longer than max_wait_s",
}


@pytest.mark.parametrize("text", ODD)
def test_what_is_odd_is_a_warning(text: str, write: Write) -> None:
    warnings = "\n".join(map(str, read(write(text)).warnings))
    assert ODD[text] in warnings
    assert "OPENAI_API_KEY: not set" in warnings
    assert "DEEPGRAM_API_KEY: not set, so speech.provider is `none`" in warnings


@pytest.mark.parametrize(
    "text",
    [
        "takeover: {operators: [+34600111222]}",
        "takeover: {notify_url: 'https://hooks.example/x'}",
        "lines: {a: {operators: [+34600111222]}}",
    ],
)
def test_somebody_who_is_told_is_enough(text: str, write: Write) -> None:
    assert "nobody is told" not in "\n".join(map(str, read(write(text)).warnings))


def test_what_is_as_meant_is_no_warning(write: Write) -> None:
    keys = {"OPENAI_API_KEY": "hush", "DEEPGRAM_API_KEY": "hush"}
    told = "takeover: {operators: [+34600111222]}\n"
    hours = "business: {bot_answers: in_hours, holidays: [12-25], hours: {mon: '09:00-17:00'}}\n"
    assert read(write(told + hours), keys).warnings == ()
    assert read(write(""), dev=True).warnings == ()


def test_an_edit_under_a_running_bot_is_checked_and_waits_for_a_restart(write: Write) -> None:
    settings = read(write("llm: {model: a}"))
    assert reload_note(settings, SECRETS).text == "changes nothing"
    write("llm: {model: b}")
    note = reload_note(settings, SECRETS)
    assert (note.text, note.changed) == ("takes effect at restart", ("llm",))
    write("llm: {modl: b}")
    assert "llm.modl: no such key" in str(reload_note(settings, SECRETS).faults[0])
