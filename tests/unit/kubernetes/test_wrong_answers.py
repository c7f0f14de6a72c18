"""What answers in an API server's place is named with its first words, before anything starts and in the middle."""

import threading

import pytest
import yaml
from kubernetes import client

from acceptance.errors import AcceptanceError, BadSetting
from acceptance.kubernetes.client import ApiServerGone, connect
from acceptance.kubernetes.watches import Watched
from acceptance.waiting import Ready, wait_until
from tests.http_server import LOGIN, Dripping, answering, saying, talking
from tests.unit.kubernetes.api_server import ApiServer, cluster_of, running, write_kubeconfig

JSON = "application/json"
PODS = "/api/v1/namespaces/default/pods"


@pytest.mark.parametrize(
    ("handler", "words"),
    [
        (saying(), ["HTTP 200", "text/html", "Sign in to the proxy"]),
        (saying(LOGIN, kind=JSON), ["HTTP 200", "Sign in to the proxy"]),
        (saying(b"[]", kind=JSON), ["HTTP 200", "'[]'"]),
        (saying(b'{"kind": "other"}', kind=JSON), ["HTTP 200", '{"kind": "other"}']),
        (saying(b"\xff\xfe", kind=JSON), ["HTTP 200", JSON]),
        (saying(b"PNG", kind="image/png"), ["HTTP 200", "image/png", "PNG"]),
        (saying(b"moved", 302, Location="https://login.invalid/"), ["302", "https://login.invalid/"]),
        (saying(LOGIN, 403), ["HTTP 403", "Sign in to the proxy"]),
        (
            saying(b"Client sent an HTTP request to an HTTPS server.", 400, "text/plain"),
            ["HTTP 400", "an HTTPS server"],
        ),
        (saying(LOGIN, 502), ["HTTP 502", "Sign in to the proxy"]),
    ],
)
def test_what_is_no_api_server_is_named_with_its_first_words(tmp_path, handler, words):
    with answering(handler) as address, pytest.raises(BadSetting) as raised:
        connect("lab", kubeconfig=write_kubeconfig(tmp_path / "config", "lab", server=f"http://{address}"))
    for word in ["--kube-context lab", address, "version`", *words]:
        assert word in str(raised.value)
    assert "fault of the suite" not in str(raised.value)


def test_what_speaks_no_http_is_named_with_its_first_words(tmp_path):
    with talking(b"SSH-2.0-OpenSSH_9.2\r\n") as address, pytest.raises(BadSetting, match=r"SSH-2\.0-Open"):
        connect("lab", kubeconfig=write_kubeconfig(tmp_path / "config", "lab", server=f"http://{address}"))


def test_a_proxy_of_the_kubeconfig_that_wants_a_password_is_named(tmp_path):
    file = write_kubeconfig(tmp_path / "config", "lab", server="https://192.0.2.1")
    with answering(saying(LOGIN, 407)) as address:
        content = yaml.safe_load(file.read_text())
        content["clusters"][0]["cluster"]["proxy-url"] = f"http://{address}"
        file.write_text(yaml.safe_dump(content))
        with pytest.raises(BadSetting, match=r"192\.0\.2\.1.* 407 "):
            connect("lab", kubeconfig=file)


@pytest.mark.parametrize(
    "text", ["<html>login</html>", "a: [", "[]", "contexts: 3", "contexts: [{name: a}]", "\x00", "apiVersion: v1"]
)
def test_a_kubeconfig_that_is_something_else_is_named(tmp_path, text):
    (tmp_path / "config").write_text(text)
    with pytest.raises(BadSetting, match=r"config.*no usable kubeconfig.*KUBECONFIG"):
        connect("", kubeconfig=tmp_path / "config")


def test_a_certificate_that_is_none_is_named(tmp_path):
    file = write_kubeconfig(
        tmp_path / "config", "lab", server="https://127.0.0.1:1", **{"client-certificate": "/no/such/file"}
    )
    with pytest.raises(BadSetting, match=r"--kube-context lab: the kubeconfig can't be used.*/no/such/file"):
        connect("lab", kubeconfig=file)


def test_what_answers_in_the_middle_of_a_run_is_named(tmp_path):
    with answering(saying()) as address:
        cluster = cluster_of(tmp_path, f"http://{address}")
        with (
            pytest.raises(ApiServerGone, match=r"listing pods.*no API server.*Sign in to the proxy"),
            cluster.api_errors("listing pods"),
            cluster.api() as api,
        ):
            client.CoreV1Api(api).list_namespaced_pod("default")


def test_a_server_that_answers_a_byte_at_a_time_is_named(tmp_path):
    with answering(Dripping) as address:
        cluster = cluster_of(tmp_path, f"http://{address}")
        with cluster.api() as api:
            api.seconds = 0.5
            with (
                pytest.raises(ApiServerGone, match=rf"{address} does not answer: no whole answer in 0\.5 s"),
                cluster.api_errors("listing pods"),
            ):
                client.CoreV1Api(api).list_namespaced_pod("default")


def test_a_watch_that_gets_something_else_says_so(tmp_path, api_server):
    api_server.answers[PODS] = lambda: (200, [LOGIN])
    watched = Watched(cluster_of(tmp_path, api_server.address), "pods", "list_namespaced_pod", namespace="default")
    watched.start()
    wait_until("a loss", lambda: Ready(None) if watched.lost_why else "none", 10)
    watched.stop()
    assert "Sign in to the proxy" in watched.lost_why


class WatchedTwice(ApiServer):
    """Lists nothing, however often, and answers watches with something else."""

    def __init__(self, line):
        super().__init__()
        self.line, self.lists = line, threading.Semaphore(0)

    def get(self, path, query):
        if "watch" in query:
            return 200, [self.line]
        self.lists.release()
        return 200, {"metadata": {"resourceVersion": "1"}, "items": []}


@pytest.mark.parametrize(("line", "words"), [(LOGIN + b"\n", "Sign in to the proxy"), (LOGIN, "")])
def test_a_watch_whose_events_are_something_else_lists_again(tmp_path, line, words):
    with running(WatchedTwice(line)) as server:
        watched = Watched(cluster_of(tmp_path, server.address), "pods", "list_namespaced_pod", namespace="default")
        watched.start()
        for _ in range(2):
            assert server.lists.acquire(timeout=10)
        why = watched.lost_why  # before the server's own end is a loss as well
        watched.stop()
    assert words in why


def test_only_the_api_servers_own_words_are_taken_for_the_suites_fault(tmp_path):
    with answering(saying(LOGIN, 400)) as address:
        cluster = cluster_of(tmp_path, f"http://{address}")
        with pytest.raises(AcceptanceError) as raised, cluster.api_errors("listing pods"), cluster.api() as api:
            client.CoreV1Api(api).list_namespaced_pod("default")
    assert "Sign in to the proxy" in str(raised.value)
    assert "fault of the suite" not in str(raised.value)
