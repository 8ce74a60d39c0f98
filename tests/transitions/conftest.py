"""A real database for each file, emptied for each test: SQLite, and again PostgreSQL."""

from collections.abc import AsyncIterator, Iterator

import pytest

from bot.adapters.db.engine import Database, sqlite_url
from bot.adapters.db.migrate import migrate
from bot.adapters.db.schema import metadata
from tests.harness import Network
from tests.harness.stores import open_stores
from tests.transitions.scene import Scene


@pytest.fixture(scope="module")
def database_url(
    network: Network, stores_kind: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[str]:
    stores = open_stores(stores_kind)
    opened = network.wait(stores.__aenter__())
    path = tmp_path_factory.mktemp("transitions") / "bot.db"
    url = opened.env.get("DATABASE_URL", sqlite_url(path))
    network.wait(migrate(url))
    yield url
    network.wait(stores.__aexit__(None, None, None))


@pytest.fixture
async def scene(database_url: str) -> AsyncIterator[Scene]:
    database = Database(database_url)
    await database.write(
        lambda tx: [tx.execute(table.delete()) for table in metadata.sorted_tables]
    )
    scene = Scene(database)
    await scene.store.register(scene.now, sole=True)
    yield scene
    await database.close()
