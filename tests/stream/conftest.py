from __future__ import annotations

from collections.abc import Iterator

import pytest

from shopalytic.stream import Stream
from tests.servers import running_valkey


@pytest.fixture(scope="session")
def valkey_url() -> Iterator[str]:
    with running_valkey() as url:
        yield url


@pytest.fixture
def stream(valkey_url: str) -> Iterator[Stream]:
    stream = Stream(valkey_url, partitions=2)
    stream.client.flushall()
    yield stream
    stream.close()
