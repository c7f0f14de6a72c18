"""Servers in pods listen where their pod's address is, of IPv4 or of IPv6: the manifests' own commands, run here."""

import contextlib
import os
import socket
import stat
import subprocess
import sys

import pytest

from acceptance.kserve import knative
from acceptance.kserve.runtime import own_runtime
from acceptance.kubernetes import manifests
from acceptance.processes.local import free_port
from acceptance.serving import triton_wheel
from acceptance.waiting import Ready, wait_until
from tests.http_server import skip_without_ipv6
from tests.minio import find_program
from tools.suite_run import WITH_PARENT

ADDRESSES = {"127.0.0.1": "10.42.0.5", "::1": "fd00::5"}  # this machine's, and a pod's of the same family
FROM_STATUS = {"name": "POD_IP", "valueFrom": {"fieldRef": {"fieldPath": "status.podIP"}}}


def server(component):
    return manifests.container_of(manifests.read_kind(component, "Deployment"), component)


def with_program(folder, name, program=""):
    """Put a program into the folder, by default one that shows its arguments; return the PATH that has it first."""
    file = folder / name
    file.write_text(program or '#!/bin/sh\nprintf "%s\\n" "$@"\n')
    file.chmod(file.stat().st_mode | stat.S_IXUSR)
    return f"{folder}:{os.environ['PATH']}"


def arguments(folder, container, program, pod_ip):
    """Return what the program of a container is called with, in a pod of that address."""
    command = [*container.get("command", []), *container.get("args", [])]
    environment = {"PATH": with_program(folder, program), **({"POD_IP": pod_ip} if pod_ip else {})}
    ended = subprocess.run(command, env=environment, capture_output=True, text=True, check=True, timeout=30)
    return ended.stdout.splitlines()


@pytest.mark.parametrize(("pod_ip", "host"), [("10.42.0.5", "0.0.0.0"), ("fd00::5", "::"), ("", "0.0.0.0")])  # noqa: S104
def test_mlflow_listens_on_all_addresses_of_its_pods_family(tmp_path, pod_ip, host):
    container = server("mlflow")
    assert FROM_STATUS in container["env"]
    called = arguments(tmp_path, container, "mlflow", pod_ip)
    assert called[0] == "server"
    assert called[-1] == f"--host={host}"
    assert "--artifacts-destination=$(ARTIFACTS)" in called  # as Kubernetes puts it in


@pytest.mark.parametrize(("pod_ip", "more"), [("10.42.0.5", []), ("fd00::5", ["--http-address=ipv6:::"]), ("", [])])
def test_triton_listens_on_ipv6_where_that_is_its_pods_family(tmp_path, pod_ip, more):
    for container, folder in ((server("triton"), "/models"), (own_runtime().container, "/mnt/models")):
        assert FROM_STATUS in container["env"]
        called = arguments(tmp_path, container, "tritonserver", pod_ip)
        assert called[0] == f"--model-repository={folder}"
        assert [one for one in called if "address" in one] == more
        assert called[-1] == (more or ["--disable-auto-complete-config"])[-1]


def test_knative_takes_no_field_of_the_pod_and_its_proxy_asks_at_127_0_0_1(tmp_path):
    (container,) = knative.fit_runtime(own_runtime().spec)["containers"]
    assert "POD_IP" not in str(container.get("env"))
    assert not any("address" in one for one in arguments(tmp_path, container, "tritonserver", ""))


# --- real servers


@contextlib.contextmanager
def running(command, ready, **environment):
    """Run a server until the block ends, once `ready` is an address at which it answers."""
    process = subprocess.Popen(
        [*WITH_PARENT, *command], env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:

        def answers() -> Ready[None] | str:
            assert process.poll() is None, command
            return Ready(None) if reached(ready) else "nothing listens there"

        wait_until("the server to answer", answers, 120, poll=0.1)
        yield
    finally:
        process.terminate()
        process.wait()


def reached(address):
    with contextlib.suppress(OSError), socket.create_connection(address, 5):
        return True
    return False


def with_ports(container, **ports):
    """Return a container's command with other ports; a later option takes an earlier one's place."""
    command = [*container.get("command", []), *container.get("args", [])]
    return [*command, *(f"--{name.replace('_', '-')}={port}" for name, port in ports.items())]


@pytest.mark.parametrize("host", ADDRESSES)
def test_a_real_triton_answers_at_its_pods_family_by_http_grpc_and_with_its_metrics(tmp_path, host):
    if host == "::1":
        skip_without_ipv6()
    ports = {"http_port": free_port(), "grpc_port": free_port(), "metrics_port": free_port()}
    command = with_ports(server("triton"), **ports, model_repository=tmp_path, backend_directory=tmp_path)
    program = triton_wheel.server_program()
    environment = {**triton_wheel.environment(), "PATH": f"{program.parent}:{os.environ['PATH']}"}
    command += [f"--cache-directory={triton_wheel.wheel_root() / 'tritonserver/caches'}"]
    command = [one for one in command if one != "--model-repository=/models"]
    with running(command, (host, ports["metrics_port"]), **environment, POD_IP=ADDRESSES[host]):
        assert all(reached((host, port)) for port in ports.values())
        # a port-forward comes to the pod's own loopback, and finds one family's
        (other,) = set(ADDRESSES) - {host}
        assert not reached((other, ports["http_port"]))


def test_what_mlflows_server_is_run_by_listens_at_the_host_that_it_is_given(tmp_path):
    skip_without_ipv6()
    (tmp_path / "nothing.py").write_text("async def app(scope, receive, send): ...\n")
    port = free_port()
    command = [sys.executable, "-m", "uvicorn", "--app-dir", tmp_path, "--lifespan=off", f"--port={port}"]
    with running([*command, "--host=::", "nothing:app"], ("::1", port), PATH=os.environ["PATH"]):
        pass


def test_mlflow_takes_requests_to_its_services_name_to_a_forwarded_port_and_to_its_pods_address():
    from mlflow.server.security_utils import is_allowed_host_header

    (given,) = [one for one in server("mlflow")["command"] if one.startswith("--allowed-hosts=")]
    allowed = given.partition("=")[2].split(",")
    for host in ("mlflow:5000", "127.0.0.1:43210", "10.42.0.5:5000", "[fd00::5]:5000"):
        assert is_allowed_host_header(allowed, host), host
    for host in ("else.example:5000", "[fd00::5]:80", "[fd00::5]"):
        assert not is_allowed_host_header(allowed, host), host


def test_a_real_minio_answers_by_ipv4_and_ipv6_whatever_its_pods_family(tmp_path):
    skip_without_ipv6()
    if not (program := find_program()):
        pytest.skip("no minio: ACCEPTANCE_MINIO names none, none is on the PATH, and there is no lab that has it")
    container, port = server("minio"), free_port()
    command = [program, *container["args"]]
    command[command.index("--address=:9000")] = f"--address=:{port}"
    command[command.index("/minio/data")] = str(tmp_path / "data")
    command[command.index("--certs-dir=/certificates")] = f"--certs-dir={tmp_path}"
    environment = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "MINIO_BROWSER": "off"}
    with running(command, ("::1", port), **environment):
        assert all(reached((host, port)) for host in ADDRESSES)
