"""What a run on Docker looks at before it trains."""

import pytest

from acceptance.errors import AcceptanceError
from acceptance.options import read_settings
from acceptance.stacks.docker import DockerStack
from acceptance.stacks.protocol import Part
from acceptance.stacks.workspace import Workspace
from tests.unit.docker.daemon import NO_NETWORK, daemon

PARTS = frozenset({Part("training")})


@pytest.fixture
def look_ahead(tmp_path, monkeypatch):
    """Have a run on the daemon at that address look ahead at those parts."""

    def look(address, parts):
        monkeypatch.setenv("DOCKER_HOST", address)
        monkeypatch.setenv("TESTCONTAINERS_RYUK_DISABLED", "true")
        for name in ("run", "logs"):
            (tmp_path / name).mkdir()
        settings = read_settings({"target": "docker"}, ["docker"], {})
        with DockerStack(settings, Workspace(tmp_path / "run", tmp_path / "logs"), lambda text: None) as stack:
            stack.look_ahead(parts)

    return look


def test_a_network_that_docker_refuses_is_found_before_anything_is_trained(look_ahead):
    with daemon({}) as address, pytest.raises(AcceptanceError, match=rf"{NO_NETWORK}: .*docker network prune"):
        look_ahead(address, PARTS)


def test_a_run_that_starts_no_part_needs_no_network(look_ahead):
    calls: list[str] = []
    with daemon({}, calls=calls) as address:
        look_ahead(address, frozenset())
    assert not calls


def test_a_daemon_that_is_not_there_is_for_the_scenarios_about_it(look_ahead):
    look_ahead("tcp://127.0.0.1:9", PARTS)
