"""A conversation that only this process knows, answered by the very code that answers customers.

Nothing is sent and no database is touched. A `Stage` holds what rehearsals share; a `Rehearsal` is
one conversation on it.
"""

from bot.domain.outcome import Ended, Outcome
from bot.rehearsal.files import Desk, Files
from bot.rehearsal.overhearing import Overheard, Overhearing
from bot.rehearsal.record import Exchange, Record, Said, voice_note
from bot.rehearsal.stage import PromptText, Rehearsal, Stage, file_prompts

__all__ = [
    "Desk",
    "Ended",
    "Exchange",
    "Files",
    "Outcome",
    "Overheard",
    "Overhearing",
    "PromptText",
    "Record",
    "Rehearsal",
    "Said",
    "Stage",
    "file_prompts",
    "voice_note",
]
