"""The stand-in model: what it quotes, when it calls for a person, and its API through the SDK."""

import json

import httpx
import pytest
from openai import AsyncOpenAI, AuthenticationError, BadRequestError

from bot.sandbox.model import completion
from bot.sandbox.person import asks_for_person
from bot.sandbox.quoting import NOTHING_FOUND, answer
from tests.sandbox_server import API_KEY, Site, running

PROMPT = """You are the assistant of a bakery. Answer in the customer's language.
Never promise a discount or a price that is not listed. Be kind when asked about allergies.

## Facts
Opening hours: Monday to Friday from 8:00 to 18:00.
On Sunday we are closed.
- Rye bread costs 4.50 euros.
- A birthday cake costs 30 euros, ordered two days ahead.
We deliver to:
- Old Town
- Harbour
Aceptamos reservas por teléfono y pago con tarjeta.
营业时间是上午八点到下午六点。

## Language
Answer in the language of the last message about opening.
"""

TOOL = {
    "type": "function",
    "function": {
        "name": "hand_off",
        "description": "Ask a person to take over.",
        "parameters": {
            "type": "object",
            "properties": {
                "reason": {"type": "string"},
                "summary": {"type": "string"},
                "note": {"type": "string"},
            },
            "required": ["reason", "summary"],
        },
    },
}


@pytest.mark.parametrize(
    ("question", "said"),
    [
        ("What are your opening hours?", "Opening hours: Monday to Friday from 8:00 to 18:00."),
        ("are you OPEN on sunday", "On Sunday we are closed."),
        ("how much is the rye bread?", "Rye bread costs 4.50 euros."),
        ("birthday cakes?", "A birthday cake costs 30 euros, ordered two days ahead."),
        ("¿puedo pagar con TARJETA?", "Aceptamos reservas por teléfono y pago con tarjeta."),
        ("telefono", "Aceptamos reservas por teléfono y pago con tarjeta."),
        ("你们的营业时间?", "营业时间是上午八点到下午六点。"),
        ("Hello", "Hello! How can I help you?"),
        ("¡Hola, buenos días!", "¡Hola! ¿En qué puedo ayudarte?"),
        ("Thank you!", "You are welcome!"),
        ("Do you repair bicycles?", NOTHING_FOUND),
        ("what is it that you do", NOTHING_FOUND),
        ("", NOTHING_FOUND),
        ("👍", NOTHING_FOUND),
    ],
)
def test_the_best_matching_lines_are_quoted(question: str, said: str) -> None:
    assert answer(PROMPT, question) == said


def test_a_title_is_quoted_with_its_list() -> None:
    assert answer(PROMPT, "Where do you deliver?").startswith("- We deliver to:\n- Old Town\n")


def test_a_greeting_with_a_question_is_a_question() -> None:
    assert answer(PROMPT, "Hi! What does rye bread cost?") == "Rye bread costs 4.50 euros."


def test_an_empty_prompt_has_no_answer() -> None:
    assert answer("", "What are your opening hours?") == NOTHING_FOUND


@pytest.mark.parametrize(
    "text",
    [
        "Can I talk to a human?",
        "I want to speak with someone please",
        "agent",
        "A real person, please",
        "connect me with your operator",
        "Quiero hablar con una persona",
        "Quero falar com um atendente",
        "Je voudrais parler à un conseiller",
        "Kann ich mit einem Mitarbeiter sprechen? Ich möchte mit jemandem reden",
        "Vorrei parlare con un operatore",
        "ik wil met een medewerker praten",
        "хочу поговорить с оператором или человек",
        "转人工",
        "担当者お願いします",
    ],
)
def test_a_call_for_a_person_is_understood(text: str) -> None:
    assert asks_for_person(text)


@pytest.mark.parametrize(
    "text",
    [
        "What is the price per person for lunch?",
        "Do you have hours on Sunday?",
        "I want two rye loaves",
        "Are you a travel agency?",
        "",
    ],
)
def test_other_words_are_no_call_for_a_person(text: str) -> None:
    assert not asks_for_person(text)


def test_the_customers_own_words_count_and_notes_in_brackets_do_not() -> None:
    burst = '[Monday 3 May 2027, 09:10]\n[replying to: "Rye bread costs 4.50"]\nhello\nagent'
    words = [{"role": "system", "content": PROMPT}, {"role": "user", "content": burst}]
    with_tool = completion({"messages": words, "tools": [TOOL]}, 0)
    assert "tool_calls" in json.dumps(with_tool)
    assert "Rye" not in json.dumps(with_tool)


def test_the_same_request_gets_the_same_answer() -> None:
    body = {"messages": [{"role": "system", "content": PROMPT}, {"role": "user", "content": "rye"}]}
    assert completion(body, 7) == completion(body, 7)


def sdk(site: Site, key: str = API_KEY) -> AsyncOpenAI:
    return AsyncOpenAI(api_key=key, base_url=f"{site.url}/sandbox/model/v1", max_retries=0)


async def test_the_sdk_gets_an_answer_with_its_usage() -> None:
    async with running() as site, sdk(site) as client:
        done = await client.chat.completions.create(
            model="stand-in",
            messages=[
                {"role": "system", "content": PROMPT},
                {"role": "assistant", "content": "Hello!"},
                {"role": "user", "content": "And on Sunday?"},
            ],
        )
        assert done.choices[0].message.content == "On Sunday we are closed."
        assert done.choices[0].finish_reason == "stop"
        assert done.usage is not None
        assert done.usage.total_tokens == done.usage.prompt_tokens + done.usage.completion_tokens
        assert [model.id async for model in client.models.list()] == ["stand-in"]


async def test_a_call_for_a_person_fills_every_required_argument() -> None:
    async with running() as site, sdk(site) as client:
        words = [{"role": "system", "content": PROMPT}, {"role": "user", "content": "a human!"}]
        body = {"model": "stand-in", "messages": words, "tools": [TOOL]}
        answered = await client.post("/chat/completions", body=body, cast_to=httpx.Response)
        choice = json.loads(answered.content)["choices"][0]
        assert choice["finish_reason"] == "tool_calls"
        function = choice["message"]["tool_calls"][0]["function"]
        assert function["name"] == "hand_off"
        arguments = json.loads(function["arguments"])
        assert set(arguments) == {"reason", "summary"}
        assert all(isinstance(value, str) and value for value in arguments.values())


async def test_without_the_tool_nothing_is_called() -> None:
    async with running() as site, sdk(site) as client:
        done = await client.chat.completions.create(
            model="stand-in", messages=[{"role": "user", "content": "a human!"}]
        )
        assert done.choices[0].message.tool_calls is None
        assert done.choices[0].message.content == NOTHING_FOUND


async def test_a_wrong_key_or_body_is_refused() -> None:
    async with running() as site, sdk(site) as client, sdk(site, "sk-wrong") as stranger:
        with pytest.raises(AuthenticationError):
            await stranger.models.list()
        with pytest.raises(BadRequestError, match="does not stream"):
            await client.chat.completions.create(
                model="stand-in", messages=[{"role": "user", "content": "hi"}], stream=True
            )
        headers = {"authorization": f"Bearer {API_KEY}"}
        for raw in (b"", b"[]", b'{"messages": 7}', b"[" * 100_000):
            path = "/sandbox/model/v1/chat/completions"
            refused = await site.product.post(path, content=raw, headers=headers)
            assert refused.status_code == 400
            assert refused.json()["error"]["message"]


async def test_with_a_real_model_the_stand_in_is_not_there() -> None:
    async with running(model_enabled=False, model_name="gpt-4.1-mini") as site:
        headers = {"authorization": f"Bearer {API_KEY}"}
        gone = await site.product.get("/sandbox/model/v1/models", headers=headers)
        assert gone.status_code == 404
