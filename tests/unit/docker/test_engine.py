"""What answers in a Docker daemon's place is named, with its first words where it has any."""

import pytest

from acceptance.docker.engine import connect, describe_daemon
from acceptance.errors import Unrecoverable
from tests.http_server import LOGIN, answering, saying

JSON = "application/json"


@pytest.mark.parametrize("version", ["", "1.41"])
@pytest.mark.parametrize(
    ("handler", "words"),
    [
        (saying(), "Sign in to the proxy"),
        (saying(b"[]", kind=JSON), ""),
        (saying(b'{"ApiVersion": 3}', kind=JSON), ""),
        (saying(b'{"ApiVersion": "1.41"}', kind=JSON), "no Docker daemon"),
        (saying(LOGIN, 403), "403.*Sign in to the proxy"),
    ],
)
def test_what_is_no_daemon_is_named(monkeypatch, handler, words, version):
    with answering(handler) as address:
        monkeypatch.setenv("DOCKER_HOST", f"tcp://{address}")
        if version:
            monkeypatch.setenv("DOCKER_API_VERSION", version)
        with pytest.raises(Unrecoverable, match=f"Docker at tcp://{address}: .*{words}.*check DOCKER_HOST"):
            connect()
        assert address in describe_daemon()
