"""Texts as the console shows them: what others wrote can never be more than text."""

import json
import re

import pytest

from bot.console.markup import to_html
from bot.domain.payload import HIDDEN, SHOWN_MAX, shown

LOOKS = [
    ("*bold* _italic_ ~struck~", "<strong>bold</strong> <em>italic</em> <s>struck</s>"),
    ("_a *b* c_", "<em>a <strong>b</strong> c</em>"),
    ("*a _b* c_", "<strong>a _b</strong> c_"),
    ("2*3*4 and snake_case_name", "2*3*4 and snake_case_name"),
    ("* not bold *", "* not bold *"),
    ("*never closed", "*never closed"),
    ("** *** **", "** *** **"),
    ("`*x*` ```a\n*b*```", "<code>*x*</code> <code>a\n*b*</code>"),
    ("``` never closed", "``` never closed"),
    ("> *quoted*\nnot", '<span class="quoted"><strong>quoted</strong></span>\nnot'),
    ("*one\ntwo*", "*one\ntwo*"),
    ("<b>*x*</b>", "&lt;b&gt;<strong>x</strong>&lt;/b&gt;"),
    ('*<img src=x onerror="a()">*', "<strong>&lt;img src=x onerror=&#34;a()&#34;&gt;</strong>"),
    ("`</code><script>`", "<code>&lt;/code&gt;&lt;script&gt;</code>"),
    ("", ""),
]
TAG = re.compile(r"</?(?:strong|em|s|code|span)(?: class=\"quoted\")?>")


@pytest.mark.parametrize(("text", "html"), LOOKS)
def test_a_text_looks_as_on_the_phone(text: str, html: str) -> None:
    assert str(to_html(text)) == html


@pytest.mark.parametrize(
    "text",
    [
        "*_~`" * 3000,
        "*a*\n" * 5000,
        "*a*" + "\n" * 19_000,
        "*a " * 5000,
        "```" * 4001,
        "<" * 9000,
        "*_a_*~b~`c`" * 900 + "\n> *",
    ],
)
def test_whatever_is_written_only_elements_of_ours_come_out(text: str) -> None:
    html = str(to_html(text))
    rest = TAG.sub("", html)
    assert "<" not in rest
    assert ">" not in rest
    for name in ("strong", "em", "s", "code", "span"):
        assert html.count(f"<{name}>") + html.count(f"<{name} ") == html.count(f"</{name}>")


def test_a_payload_is_shown_without_what_opens_something() -> None:
    raw = {
        "id": "evt_1",
        "Webhook-Secret": "s3cret",
        "message": {
            "api_key": "mm_live_abc",
            "access_token": ["t0ken"],
            "text": "see https://not-ours.test/?q=1 <script>",
            "media": {"url": "https://user:pw@media.test/a/b.ogg?sig=abc&exp=1#frag"},
        },
    }
    text = shown(json.dumps(raw).encode())
    told = json.loads(text)
    assert told["Webhook-Secret"] == told["message"]["api_key"] == HIDDEN
    assert told["message"]["access_token"] == HIDDEN
    assert told["message"]["media"]["url"] == f"https://media.test/a/b.ogg?{HIDDEN}"
    assert told["message"]["text"] == raw["message"]["text"]  # type: ignore[index]
    for secret in ("s3cret", "mm_live_abc", "t0ken", "user", "abc", "frag"):
        assert secret not in text


@pytest.mark.parametrize(
    "raw", [b"\xff\xfe\x00", b"{", b"", b"[" * 100_000, b'{"a": "http://[1"}', b"\x1b[31m\x00"]
)
def test_a_payload_that_cannot_be_read_is_shown_as_text(raw: bytes) -> None:
    text = shown(raw)
    assert len(text) <= SHOWN_MAX + 4
    assert all(one.isprintable() or one == "\n" for one in text)
