"""A prompt's candidate as a row: brought, found, taken back."""

from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, delete, select

from bot.adapters.db.schema import prompt_candidates
from bot.adapters.db.upsert import upsert
from bot.domain.candidate import CandidateState
from bot.domain.prompt_version import Bringer, Edition


def find(tx: Connection, name: str) -> Row[Any] | None:
    """A prompt's candidate."""
    return tx.execute(select(prompt_candidates).where(prompt_candidates.c.name == name)).first()


def propose(
    tx: Connection, edition: Edition, bringer: Bringer, base: str | None, now: datetime
) -> None:
    """It waits for its tests, in place of any other candidate of the prompt's."""
    new = upsert(tx.dialect.name, prompt_candidates).values(
        name=edition.name,
        version=edition.version,
        source=edition.source,
        base=base,
        origin=bringer.origin.value,
        actor=bringer.actor,
        host=bringer.host,
        brought_at=now,
        state=CandidateState.WAITING,
        run=0,
        attempts=0,
        trouble="",
    )
    kept = {column.name: new.excluded[column.name] for column in prompt_candidates.columns}
    kept["run"] = prompt_candidates.c.run + 1  # whoever tests the one before writes in vain
    tx.execute(new.on_conflict_do_update(index_elements=[prompt_candidates.c.name], set_=kept))


def withdraw(tx: Connection, name: str) -> None:
    """It is one no more, if there is one."""
    tx.execute(delete(prompt_candidates).where(prompt_candidates.c.name == name))
