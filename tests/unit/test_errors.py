"""What errors say: on one line first, and by the error that began it, which no other cuts off."""

from http.server import BaseHTTPRequestHandler
from urllib.error import URLError

import pytest
import requests
import urllib3

from acceptance.errors import AcceptanceError, Problem, root, root_words
from tests import http_server


class RefusingProxy(BaseHTTPRequestHandler):
    """A company's proxy that wants a password."""

    def do_CONNECT(self):
        self.send_response(407, "Proxy Authentication Required")
        self.send_header("Content-Length", "0")
        self.end_headers()


@pytest.fixture(scope="module")
def proxy():
    with http_server.answering(RefusingProxy) as address:
        yield f"http://{address}"


def test_a_proxys_refusal_is_what_is_said(proxy):
    with pytest.raises(requests.RequestException) as refused:
        requests.get("https://example.invalid/", proxies={"https": proxy}, timeout=10)
    assert "407 Proxy Authentication Required" in root_words(refused.value)
    assert "Max retries" not in root_words(refused.value)
    with pytest.raises(urllib3.exceptions.HTTPError) as refused_below:
        urllib3.ProxyManager(proxy, retries=False).request("GET", "https://example.invalid/")
    assert "407" in root_words(refused_below.value)


def test_a_port_where_nothing_listens_is_a_refused_connection():
    with pytest.raises(requests.ConnectionError) as refused:
        requests.get("http://127.0.0.1:9/", timeout=10)
    assert isinstance(root(refused.value), ConnectionRefusedError)
    assert "Connection refused" in root_words(refused.value)


def from_another():
    try:
        raise OSError("the first")
    except OSError as error:
        raise RuntimeError("the second") from error


def test_what_an_error_was_raised_from_began_it():
    with pytest.raises(RuntimeError) as found:
        from_another()
    assert root_words(found.value) == "the first"


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (ValueError("alone"), "alone"),
        (TimeoutError(), "TimeoutError"),
        (URLError(OSError("no route")), "no route"),
        (ConnectionError("Connection aborted.", ConnectionResetError("reset by peer")), "reset by peer"),
        (AcceptanceError("the thing: the fix"), "the thing: the fix"),
    ],
)
def test_the_innermost_error_is_found(error, words):
    assert root_words(error) == words


def test_errors_that_hold_each_other_come_to_an_end():
    error = ValueError("round")
    error.args = (URLError(error),)
    assert isinstance(root(error), URLError)


def test_an_acceptance_error_stands_alone():
    error = AcceptanceError("the thing: the fix")
    error.__cause__ = KeyError("inner")
    assert root(error) is error


def test_the_first_line_of_an_errors_text_is_its_problem():
    error = AcceptanceError("the thing: the fix\n    a log\n    of it")
    assert error.problem == Problem("the thing: the fix", detail="    a log\n    of it")
    assert str(error) == "the thing: the fix\n    a log\n    of it"
