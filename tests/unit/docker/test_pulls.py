"""Images that a daemon lacks: whether its registries would give them, asked before anything starts."""

import contextlib
import os
import re
import time

import pytest

from acceptance.docker.engine import ANSWER_SECONDS, Engine, connect
from acceptance.docker.pulls import missing_image, missing_images, pull
from acceptance.errors import AcceptanceError, Unrecoverable
from tests.unit.docker.daemon import FOUND, NO_NETWORK, daemon
from tests.unit.problems import assert_problem

IMAGE = "registry.example/triton:1"
DENIED = (403, {"message": "denied: requested access to the resource is denied"})
NO_SUCH_TAG = (404, {"message": "manifest unknown: manifest unknown"})
NO_REGISTRY = (500, {"message": "Get https://registry.example/v2/: dial tcp: lookup registry.example: no such host"})


@pytest.fixture
def asked(monkeypatch):
    """Ask a daemon for images; return the problems and the calls that it got."""

    def ask(images, registries):
        calls: list[str] = []
        with daemon(registries, calls=calls) as address:
            monkeypatch.setenv("DOCKER_HOST", address)
            return missing_images(images), calls

    return ask


def test_an_image_that_is_there_is_not_asked_for_elsewhere(asked):
    problems, calls = asked([IMAGE], {})
    assert problems == []
    assert not any("distribution" in call for call in calls)


def test_an_image_that_a_registry_has_is_taken_and_not_pulled_yet(asked):
    problems, calls = asked([IMAGE], {IMAGE: FOUND})
    assert problems == []
    assert any("distribution" in call for call in calls)
    assert not any(call.startswith("POST") for call in calls)


@pytest.mark.parametrize("answer", [DENIED, NO_SUCH_TAG, NO_REGISTRY])
def test_an_image_that_cannot_be_pulled_is_named_with_the_daemons_words_and_the_fix(asked, answer):
    (problem,), _ = asked(["other:1", IMAGE], {IMAGE: answer})
    assert_problem(problem, f"image {IMAGE}: not on tcp://", answer[1]["message"], "--images FILE")


def test_a_full_disk_is_told_what_makes_room(asked):
    (problem,), _ = asked([IMAGE], {IMAGE: (500, {"message": "write /var/lib/docker/tmp/x: no space left on device"})})
    assert_problem(problem, IMAGE, "no space left on device", "docker system prune")


def test_all_that_are_missing_are_named(asked):
    problems, _ = asked(["a:1", "b:1", "c:1"], {"a:1": DENIED, "c:1": NO_SUCH_TAG})
    assert ["a:1" in problems[0].what, "c:1" in problems[1].what] == [True, True]
    assert len(problems) == 2


def test_an_image_of_the_suites_own_is_asked_of_no_registry(asked):
    (problem,), calls = asked(["triton-acceptance/trainer:1"], {"triton-acceptance/trainer:1": FOUND})
    assert_problem(problem, "image triton-acceptance/trainer:1", "no registry has it", "make images")
    assert not any("distribution" in call for call in calls)


@pytest.mark.parametrize("answer", [(404, "Not Found"), (404, {"message": "page not found"})])
def test_a_daemon_that_does_not_know_the_question_leaves_it_to_the_pull(asked, answer):
    assert asked([IMAGE], {IMAGE: answer})[0] == []


def test_a_daemon_that_is_not_there_is_for_the_scenarios_about_it(monkeypatch):
    monkeypatch.setenv("DOCKER_HOST", "tcp://127.0.0.1:9")
    assert missing_images([IMAGE]) == []
    assert missing_images([]) == []


@pytest.fixture
def helper(tmp_path, monkeypatch):
    """Have the docker command's settings name a program for passwords; it runs the script that the test gives."""

    def install(script):
        (tmp_path / "config.json").write_text('{"credsStore": "x"}')
        monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))
        if script:
            program = tmp_path / "docker-credential-x"
            program.write_text(f"#!/bin/sh\n{script}\n")
            program.chmod(0o755)
            monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)

    return install


@pytest.mark.filterwarnings("ignore:docker-credential-x not installed")
@pytest.mark.parametrize(
    ("script", "words"),
    [
        ("", "docker-credential-x not installed"),
        ("echo the keyring is locked; exit 1", "the keyring is locked"),
        ("echo '<html>sign in</html>'", "Expecting value"),
        ("echo '{}'", "Username"),
    ],
)
def test_a_program_for_passwords_that_fails_is_named_with_its_words(asked, helper, script, words):
    helper(script)
    (problem,), _ = asked([IMAGE], {IMAGE: FOUND})
    assert_problem(problem, f"image {IMAGE}", "password", words, "credsStore")


def test_a_program_for_passwords_that_hangs_is_named_in_time(monkeypatch, helper):
    helper("sleep 20")
    with daemon({IMAGE: FOUND}) as address:
        monkeypatch.setenv("DOCKER_HOST", address)
        assert_problem(missing_image(IMAGE, seconds=3), f"image {IMAGE}", "password", "hangs", "credHelpers")


def test_a_network_that_the_daemon_refuses_is_told_with_its_fix(monkeypatch, tmp_path):
    with daemon({}) as address:
        monkeypatch.setenv("DOCKER_HOST", address)
        engine = Engine("a-run", tmp_path, lambda text: None, lambda: None)
        with pytest.raises(AcceptanceError, match=rf"making a network: {NO_NETWORK}: .*docker network prune"):
            _ = engine.network


@pytest.fixture
def pulled(monkeypatch):
    """Pull an image of a daemon whose pulls have no end; return the error and what was said meanwhile."""

    def run(**how):
        said: list[str] = []
        with daemon({}, dies=how.pop("dies", False)) as address:
            monkeypatch.setenv("DOCKER_HOST", address)
            client = connect().client
            with contextlib.closing(client), pytest.raises(Unrecoverable) as raised:
                pull(client, IMAGE, said.append, **how)
        return str(raised.value), said

    return run


def test_a_pull_that_says_nothing_more_is_given_up(pulled):
    error, said = pulled(look=0.5, stuck=2)
    assert f"image {IMAGE}: not on" in error
    (silent,) = re.findall(r"can't be pulled: Pulling fs layer; nothing new for (\d+) s", error)
    assert int(silent) >= 2
    assert any(f"pulling {IMAGE}: Pulling fs layer; nothing new for" in words for words in said)


def test_a_daemon_that_dies_while_it_pulls_is_named_at_once(pulled):
    began = time.monotonic()
    error, _ = pulled(dies=True, look=0.5, stuck=600)
    assert "connecting to Docker: no answer in" in error
    assert time.monotonic() - began < ANSWER_SECONDS + 10
