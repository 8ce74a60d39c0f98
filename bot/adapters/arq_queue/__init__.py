"""arq as a doorbell: jobs carry ids only, and losing one loses time, never work."""

from bot.adapters.arq_queue.queue import ArqQueue
from bot.adapters.arq_queue.worker import DoorbellWorker, run_worker

__all__ = ["ArqQueue", "DoorbellWorker", "run_worker"]
