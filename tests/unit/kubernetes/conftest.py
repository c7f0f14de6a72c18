from collections.abc import Iterator

import pytest

from tests.unit.kubernetes.api_server import ApiServer, running_api_server


@pytest.fixture
def api_server() -> Iterator[ApiServer]:
    with running_api_server() as server:
        yield server
