"""Just before a send: a worker whose lease was over, perhaps stopped for long, sends nothing."""

from bot.deliver import Deliverer
from bot.domain.outbox import Outbound, SendOutcome, Sent
from tests.transitions.scene import Scene, crowd


class _Line:
    """A line that takes everything and remembers it."""

    def __init__(self) -> None:
        self.taken: list[str] = []

    async def send(self, message: Outbound) -> SendOutcome:
        self.taken.append(message.text)
        return Sent("msg_1")


async def test_a_worker_whose_lease_is_over_sends_nothing(scene: Scene) -> None:
    (conversation,) = await scene.all_write(crowd(1))
    on_its_way = await scene.answers(conversation, "hello")
    line = _Line()
    late = Deliverer(scene.store, line, lambda: scene.now, lambda: False, set())
    await late.deliver(conversation, on_its_way)
    assert line.taken == []
    scene.pass_time(600)
    punctual = Deliverer(scene.store, line, lambda: scene.now, lambda: True, set())
    await punctual.deliver(conversation)
    assert line.taken == ["hello"]
