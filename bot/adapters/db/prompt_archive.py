"""Every prompt version that was ever live, and which one is."""

from datetime import datetime

from sqlalchemy import Connection, select

from bot.adapters.db.schema import live_prompts, prompt_versions
from bot.adapters.db.upsert import upsert


def save(tx: Connection, name: str, version: str, source: str, now: datetime) -> None:
    """Keep a version and make it the live one."""
    dialect = tx.dialect.name
    kept = upsert(dialect, prompt_versions).values(
        name=name, version=version, source=source, saved_at=now
    )
    tx.execute(kept.on_conflict_do_nothing())
    live = upsert(dialect, live_prompts).values(name=name, version=version, since=now)
    tx.execute(
        live.on_conflict_do_update(
            index_elements=[live_prompts.c.name],
            set_={"version": live.excluded.version, "since": live.excluded.since},
            where=live_prompts.c.version != live.excluded.version,
        )
    )


def live(tx: Connection, name: str) -> tuple[str, str] | None:
    """The live version of a prompt and its source."""
    row = tx.execute(
        select(prompt_versions.c.version, prompt_versions.c.source)
        .join(
            live_prompts,
            (live_prompts.c.name == prompt_versions.c.name)
            & (live_prompts.c.version == prompt_versions.c.version),
        )
        .where(prompt_versions.c.name == name)
    ).first()
    return None if row is None else (row.version, row.source)
