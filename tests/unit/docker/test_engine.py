"""What the daemon is asked for when a container starts, and what answers in a daemon's place."""

from types import SimpleNamespace

import pytest

from acceptance.docker.engine import Engine, connect, describe_daemon
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


def test_a_container_gets_no_proxy_of_the_users_docker(tmp_path):
    asked = []

    def create(image, **options):
        asked.append(options)
        return SimpleNamespace(start=lambda: None)

    class MadeUp(Engine):
        docker = SimpleNamespace(
            create=create,
            host=lambda: "localhost",
            client_networks_create=lambda *given: None,
            client=SimpleNamespace(
                images=SimpleNamespace(get=lambda image: None),
                api=SimpleNamespace(create_endpoint_config=lambda aliases: {}),
            ),
        )

    MadeUp("run", tmp_path, lambda text: None, lambda: None).start("mlflow", "image", ["mlflow"])
    assert [options["use_config_proxy"] for options in asked] == [False]
