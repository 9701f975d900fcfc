"""Fixtures shared by all tests: a real embedded Kafka, a real PostgreSQL, and the folder of recorded data."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from geo import files
from streams.broker import EmbeddedBroker
from streams.errors import CityopsError
from streams.settings import Settings
from tests.postgres import Postgres, binaries

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="session")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Bootstrap address `host:port` of a real single-node Kafka that lives as long as the test session.

    It has no topics and makes none by itself (`streams.kafka.create_topics`); tests that share it keep
    apart by topic prefix. $CITYOPS_TEST_BROKER names a running Kafka to use instead. Skips visibly only when
    Kafka's jars cannot be had.
    """
    named = os.environ.get("CITYOPS_TEST_BROKER", "")
    if named:
        yield named
        return
    embedded = EmbeddedBroker(tmp_path_factory.mktemp("broker"))
    settings = Settings()
    try:
        from streams.broker_jars import class_path

        class_path(settings)
    except CityopsError as error:
        pytest.skip(f"no embedded Kafka: {error}")
    embedded.start()
    try:
        yield embedded.bootstrap
    finally:
        embedded.stop()


@pytest.fixture(autouse=True)
def _own_files_forgotten() -> Iterator[None]:
    """A command that ran in this process chose where the user's own tables lie: not for the next test."""
    yield
    files.forget()


@pytest.fixture(scope="session")
def data_folder() -> Path:
    """Folder with the recordings and benchmark data: $CITYOPS_TEST_DATA, else ../shared/data; skips when absent."""
    folder = Path(os.environ.get("CITYOPS_TEST_DATA") or ROOT.parent / "shared" / "data")
    if not folder.is_dir():
        pytest.skip(f"no test data in {folder}: set CITYOPS_TEST_DATA to the folder with the recordings")
    return folder


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """A real PostgreSQL that lives as long as the test session; skips visibly where none is installed."""
    found = binaries()
    if found is None:
        pytest.skip("no PostgreSQL on this machine: apt-get install postgresql")
    made = Postgres(found)
    yield made
    made.remove()


@pytest.fixture
def database(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """URL of an empty database: SQLite, and PostgreSQL too in modules that say `DATABASES = BOTH`.

    $CITYOPS_TEST_DATABASE names the one of the other modules.
    """
    if getattr(request, "param", os.environ.get("CITYOPS_TEST_DATABASE", "sqlite")) == "sqlite":
        return f"sqlite:///{tmp_path / 'cityops.db'}"
    server: Postgres = request.getfixturevalue("postgres")
    return server.database()


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "database" in metafunc.fixturenames and hasattr(metafunc.module, "DATABASES"):
        metafunc.parametrize("database", metafunc.module.DATABASES, indirect=True)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Browser tests last: Playwright's synchronous API keeps an event loop running that async tests cannot share."""
    items.sort(key=lambda item: item.get_closest_marker("browser") is not None)
