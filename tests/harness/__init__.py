"""The whole bot as a process, among scripted servers that stand for the line and the model.

Everything talks real HTTP over loopback. A test is a dialogue:

    async def test_a_burst_gets_one_answer(bot: Bot) -> None:
        ana = bot.provider.customer()
        await ana.writes("hello", "are you open?")
        assert await ana.reads() == ["You said: hello\\nare you open?"]

The servers run on one background loop (`Network`), so that tests may be sync or async and a blocked
test never freezes a server.
"""

from tests.harness.bot_process import Bot
from tests.harness.http_server import Answer, Behaviour, Drop, Gate, Hang, Plan, Request
from tests.harness.llm import ScriptedLlm, fail, hand_off, say
from tests.harness.media_host import ScriptedMediaHost, Stream
from tests.harness.network import Network, eventually
from tests.harness.process import Finished
from tests.harness.provider import Customer, ScriptedProvider, Send
from tests.harness.s3 import ScriptedS3
from tests.harness.speech import ScriptedSpeech, Upload
from tests.harness.stores import Stores

__all__ = [
    "Answer",
    "Behaviour",
    "Bot",
    "Customer",
    "Drop",
    "Finished",
    "Gate",
    "Hang",
    "Network",
    "Plan",
    "Request",
    "ScriptedLlm",
    "ScriptedMediaHost",
    "ScriptedProvider",
    "ScriptedS3",
    "ScriptedSpeech",
    "Send",
    "Stores",
    "Stream",
    "Upload",
    "eventually",
    "fail",
    "hand_off",
    "say",
]
