"""What answers in a server's place is named at once, with its first words; what only starts is waited for."""

import re

import pytest
import requests

from acceptance.errors import Unrecoverable
from acceptance.health import LONGEST, Answering, ask, first_words, unready
from acceptance.waiting import wait_until
from tests.http_server import Dripping, answering, saying, talking


def says_ok(text):
    return text == "OK"


@pytest.mark.parametrize(
    ("handler", "words"),
    [
        (saying(), ["HTTP 200", "text/html", "Sign in to the proxy"]),
        (saying(b"<?xml version='1.0'?>", kind="application/xml"), ["HTTP 200", "<?xml"]),
        (saying(b"no MLflow", kind="text/plain"), ["HTTP 200", "no MLflow"]),
        (saying(b"", 302, Location="https://login.example/"), ["HTTP 302", "https://login.example/"]),
        (saying(b"who are you?", 401), ["HTTP 401", "who are you?"]),
        (saying(b"Invalid Host header", 403, "text/plain"), ["HTTP 403", "Invalid Host header"]),
        (saying(b"who are you?", 407, "text/plain"), ["HTTP 407", "who are you?"]),
        (saying(b"<h1>Bad Gateway</h1>", 502, "text/plain"), ["HTTP 502", "Bad Gateway"]),
        (saying(b"Bad Gateway", 502), ["HTTP 502", "Bad Gateway"]),
    ],
)
def test_what_is_another_server_is_named_at_once(handler, words):
    with answering(handler) as address, pytest.raises(Unrecoverable) as raised:
        unready("MLflow", f"http://{address}/health", says_ok)
    for word in ["MLflow", address, *words]:
        assert word in str(raised.value)


def test_what_speaks_no_http_is_named_at_once():
    with talking(b"SSH-2.0-OpenSSH_9.2\r\n") as address, pytest.raises(Unrecoverable, match=r"SSH-2\.0-Open"):
        unready("MLflow", f"http://{address}/health")


def test_a_server_that_is_starting_is_waited_for():
    with answering(saying(b"OK", kind="text/plain")) as address:
        assert unready("MLflow", f"http://{address}/health", says_ok) == ""
    assert "does not answer yet" in unready("MLflow", f"http://{address}/health", says_ok)
    for code in (400, 404, 503):
        with answering(saying(b'{"error": "loading"}', code, "application/json")) as address:
            assert f"HTTP {code}" in unready("Triton", f"http://{address}/v2/health/ready")


def test_a_forward_that_ends_is_waited_for():
    """A port-forward takes connections before its pod does."""
    with talking(b"\0") as address:
        pass
    assert "does not answer yet" in unready("Triton", f"http://{address}/v2/health/ready")


@pytest.mark.parametrize("method", ["get", "post"])
def test_the_limit_is_that_of_the_whole_answer(method):
    with answering(Dripping) as address, pytest.raises(requests.ReadTimeout, match=r"no whole answer in 0\.5 s"):
        ask(method, f"http://{address}/", 0.5)


def test_first_words_are_one_short_line_without_control_characters():
    words = first_words(b"\x1b[31m<html>\n  <body>" + b"x" * 10_000 + b"\xff")
    assert "\n" not in words and "\x1b" not in words
    assert len(words) < LONGEST + 20
    assert "<html> <body>xx" in words


def test_a_needed_server_that_falls_silent_is_named_and_one_that_answers_or_is_gone_is_not():
    with talking(b"") as silent, pytest.raises(Unrecoverable, match=f"MLflow at http://{silent}/: answers no more"):
        Answering("MLflow", f"http://{silent}/", every=0, seconds=0.2).check()
    with answering(saying(b"OK", kind="text/plain")) as address:
        Answering("MLflow", f"http://{address}/", every=0).check()
    Answering("MLflow", f"http://{address}/", every=0).check()  # its process tells why


def gone_words(url):
    asked = Answering("MLflow", url, every=0, gone_seconds=0.05)

    def state():
        asked.check()
        return "not yet"

    with pytest.raises(Unrecoverable) as caught:
        wait_until("it to be given up", state, 5)
    return str(caught.value)


def test_a_needed_server_that_is_not_the_runs_own_is_given_up_once_it_was_gone_for_long():
    with answering(saying(b"upstream", 502, "text/plain")) as address:
        assert re.search(r"can't be reached, for \d+ s now: HTTP 502", gone_words(f"http://{address}/"))
    assert "Connection refused" in gone_words(f"http://{address}/")
    Answering("MLflow", f"http://{address}/", every=0, gone_seconds=60).check()


def test_a_needed_server_may_be_gone_for_a_while():
    asked = Answering("MLflow", "http://127.0.0.1:9/", every=0, gone_seconds=60)
    asked.check()
    with answering(saying(b"OK", kind="text/plain")) as address:
        asked.url = f"http://{address}/"
        before = asked.answered
        asked.check()
        assert asked.answered > before


def test_a_needed_server_is_asked_now_and_then():
    with talking(b"") as silent:
        Answering("MLflow", f"http://{silent}/", every=60, seconds=0.2).check()
