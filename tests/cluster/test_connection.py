"""The connection to the cluster: port-forwards that come back, an API server that goes away."""

import concurrent.futures
import contextlib
import secrets
import socket
import subprocess
import threading
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlparse

import pytest
import requests
import yaml
from kubernetes import client, config

from acceptance.errors import AcceptanceError
from acceptance.images import read_images
from acceptance.kubernetes.client import connect
from acceptance.kubernetes.namespace import Namespace
from acceptance.kubernetes.watches import Watched
from acceptance.paths import ROOT
from acceptance.waiting import Ready, wait_until
from tests.cluster.lab import namespaces_of
from tests.cluster.left_behind import of_these_tests
from tests.cluster.test_interrupts import clean
from tests.running import started_suite
from tools.suite_run import command, environment

pytestmark = pytest.mark.cluster
SIZE = 50_000_000
SERVER = f"head -c {SIZE} /dev/zero > /tmp/big && cd /tmp && exec python3 -m http.server 8000"


@pytest.fixture
def server(lab_kubeconfig, tmp_path):
    """A web server in a Deployment, as (its namespace, the local address that leads to it)."""
    labels = {"app.kubernetes.io/name": "server"}
    restricted = {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}}
    container = {
        "name": "server",
        "image": "lab.local/python:3.11",
        "command": ["sh", "-c", SERVER],
        "securityContext": restricted,
        "resources": {"requests": {"cpu": "10m", "memory": "64Mi"}, "limits": {"cpu": "1", "memory": "256Mi"}},
        "readinessProbe": {"httpGet": {"path": "/", "port": 8000}, "periodSeconds": 1},
    }
    security = {"runAsNonRoot": True, "runAsUser": 1000, "seccompProfile": {"type": "RuntimeDefault"}}
    pod = {"securityContext": security, "terminationGracePeriodSeconds": 1, "containers": [container]}
    template = {"metadata": {"labels": labels}, "spec": pod}
    spec = {"selector": {"matchLabels": labels}, "template": template}
    body = {"metadata": {"name": "server", "labels": labels}, "spec": spec}
    cluster = connect("", kubeconfig=Path(lab_kubeconfig))
    with Namespace(cluster, secrets.token_hex(4), read_images(None), tmp_path) as namespace:
        apps: Any = client.AppsV1Api(namespace.cluster.api())  # takes plain dicts too, which its types don't say
        apps.create_namespaced_deployment(namespace.name, body)
        namespace.waits.ready("server", 60)
        yield namespace, namespace.forward("server", 8000)


def test_many_connections_at_once_and_a_large_answer_come_whole(server):
    _, address = server

    def get(path):
        return len(requests.get(f"http://{address}/{path}", timeout=60).content)

    with concurrent.futures.ThreadPoolExecutor(20) as pool:
        assert min(pool.map(get, [""] * 20)) > 0
    assert get("big") == SIZE


def test_a_forward_that_is_cut_in_the_middle_carries_the_next_connection(server):
    namespace, address = server
    (forward,) = namespace.forwards["server"]
    with requests.get(f"http://{address}/big", stream=True, timeout=60) as answer:
        answer.raw.read(1000)
        forward.cut()
        with pytest.raises((requests.RequestException, OSError, AssertionError)):
            assert sum(map(len, answer.iter_content(1 << 20))) + 1000 >= SIZE
    assert requests.get(f"http://{address}/", timeout=60).status_code == 200


def test_a_forward_leads_to_the_pod_that_took_the_place_of_one_that_was_deleted(server):
    namespace, address = server
    (pod,) = namespace.pods.named("server")
    core = client.CoreV1Api(namespace.cluster.api())
    core.delete_namespaced_pod(pod.metadata.name, namespace.name, grace_period_seconds=0)
    wait_until(
        "another pod to be ready",
        lambda: Ready(None) if namespace.pods.ready_name("server") not in ("", pod.metadata.name) else "not yet",
        60,
    )
    assert requests.get(f"http://{address}/", timeout=60).status_code == 200
    assert namespace.pods.incident(pod.metadata.uid) == f"pod {pod.metadata.name} was deleted"


def test_a_component_that_is_deleted_takes_the_ports_that_led_to_it(server):
    namespace, address = server
    assert requests.get(f"http://{address}/", timeout=60).status_code == 200
    namespace.delete("Deployment", name="server")
    with pytest.raises(requests.ConnectionError, match="Connection refused"):
        requests.get(f"http://{address}/", timeout=60)


@pytest.fixture
def stranger(lab_kubeconfig, tmp_path):
    """The cluster, for an account that may do nothing in it."""
    name = f"stranger-{secrets.token_hex(4)}"
    with config.new_client_from_config(lab_kubeconfig) as api:
        core: Any = client.CoreV1Api(api)
        core.create_namespace({"metadata": {"name": name, "labels": of_these_tests()}})
        try:
            core.create_namespaced_service_account(name, {"metadata": {"name": "stranger"}})
            token = core.create_namespaced_service_account_token("stranger", name, {"spec": {}}).status.token
            content = yaml.safe_load(Path(lab_kubeconfig).read_text())
            content["users"][0]["user"] = {"token": token}
            (tmp_path / "config").write_text(yaml.safe_dump(content))
            yield connect("", kubeconfig=tmp_path / "config")
        finally:
            core.delete_namespace(name)


def refusal_of(watched):
    return Ready(None) if watched.refused else "none yet"


def test_an_account_that_may_not_watch_is_told_so_unless_it_can_do_without(stranger):
    needed = Watched(stranger, "pods", "list_namespaced_pod", namespace="default")
    spared = Watched(stranger, "namespaces", "list_namespace", optional=True)
    for watched in (needed, spared):
        watched.start()
        wait_until("the refusal", partial(refusal_of, watched), 20)
        watched.stop()
    with pytest.raises(AcceptanceError, match=r"this account may not list and watch pods.*HTTP 403"):
        needed.check()
    spared.check()


class Wire:
    """A TCP proxy to the API server, that can be cut, or go `silent` as where a firewall drops all packets."""

    def __init__(self, host, port):
        self.target = (host, port)
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.sockets = []
        self.silent = False
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                near, _ = self.listener.accept()
                far = socket.create_connection(self.target)
            except OSError:
                return
            self.sockets += [near, far]
            for pair in ((near, far), (far, near)):
                threading.Thread(target=self.carry, args=pair, daemon=True).start()

    def carry(self, source, target):
        try:
            while data := source.recv(1 << 16):
                if not self.silent:
                    target.sendall(data)
            target.shutdown(socket.SHUT_WR)
        except OSError:
            return

    def cut(self):
        for one in [self.listener, *self.sockets]:
            with contextlib.suppress(OSError):  # it ended already
                one.shutdown(socket.SHUT_RDWR)
            one.close()


@pytest.fixture
def wire(lab_kubeconfig, tmp_path):
    """A cut-able wire to the API server, and the kubeconfig that goes through it."""
    content = yaml.safe_load(Path(lab_kubeconfig).read_text())
    where = urlparse(content["clusters"][0]["cluster"]["server"])
    wire = Wire(where.hostname, where.port)
    content["clusters"][0]["cluster"].update(
        {"server": f"https://127.0.0.1:{wire.port}", "tls-server-name": where.hostname}
    )
    file = tmp_path / "kubeconfig"
    file.write_text(yaml.safe_dump(content))
    yield wire, str(file)
    wire.cut()


def test_an_api_server_that_goes_away_ends_the_run_with_its_name(wire, tmp_path, options, lab_kubeconfig):
    cable, kubeconfig = wire
    with started_suite(tmp_path, *options, "-k", "cpu_model_learns", KUBECONFIG=kubeconfig) as run:
        run.wait_for_log("*-trainer")
        cable.cut()
        run.wait_for_failure(60)
        assert run.wait_for_end() == 1, run.output
        text = run.output
    assert f"the API server https://127.0.0.1:{cable.port} has not answered for" in text, text
    assert "remove it with `make clean-cluster`" in text, text
    assert "removed" in clean(lab_kubeconfig)
    assert namespaces_of(run.popen.pid, lab_kubeconfig) == []


def test_a_connection_that_goes_silent_ends_the_run_as_well(wire, tmp_path, options, lab_kubeconfig):
    cable, kubeconfig = wire
    with started_suite(tmp_path, *options, "-k", "cpu_model_learns", KUBECONFIG=kubeconfig) as run:
        run.wait_for_log("*-trainer")
        cable.silent = True
        run.wait_for_failure(60)  # 17 s to find out, 10 s of grace, and a request without an answer in between
        # the run's end asks three times, the guardian once, and each gets no answer for 15 s
        assert run.wait_for_end(90) == 1, run.output
    assert f"the API server https://127.0.0.1:{cable.port} has not answered for" in run.output
    assert "removed" in clean(lab_kubeconfig)
    assert namespaces_of(run.popen.pid, lab_kubeconfig) == []


def test_an_api_server_that_does_not_answer_is_named_before_anything_starts(tmp_path, wire, options):
    cable, kubeconfig = wire
    cable.cut()
    answer = subprocess.run(
        command(tmp_path / "report", *options),
        cwd=ROOT,
        env=environment(KUBECONFIG=kubeconfig),
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert answer.returncode == 4, answer.stdout + answer.stderr
    assert f"https://127.0.0.1:{cable.port} does not answer" in answer.stderr + answer.stdout
