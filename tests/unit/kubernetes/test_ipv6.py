"""A made-up cluster whose API server, pods and Services have addresses of IPv6 alone, on this machine's own ::1."""

import base64
import contextlib
import hashlib
import ssl
import struct

import pytest
import requests
import yaml

from acceptance.kubernetes.client import connect
from acceptance.kubernetes.port_forward import Forward
from acceptance.storage.certificate import issue
from tests.http_server import skip_without_ipv6
from tests.unit.kubernetes.api_server import running, write_kubeconfig
from tests.unit.kubernetes.small_cluster import SmallCluster
from tests.unit.stacks.test_kubernetes import RUN, stack_on

ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 12\r\nConnection: close\r\n\r\nfrom the pod"
# RFC 6455's
GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"


class OfIpv6(SmallCluster):
    """Its pods answer every request by a port-forward alike."""

    host = "::1"

    def __init__(self):
        super().__init__()
        self.forwarded = []

    def start(self, pod):
        super().start(pod)
        pod["status"] |= {"podIP": "fd00::5", "podIPs": [{"ip": "fd00::5"}], "hostIP": "fd00::1"}

    def post(self, path, body):
        if body["kind"] == "Service":
            addresses = {"clusterIP": "fd01::9", "clusterIPs": ["fd01::9"], "ipFamilies": ["IPv6"]}
            body["spec"] |= {**addresses, "ipFamilyPolicy": "SingleStack"}
        return super().post(path, body)

    def open_stream(self, path, handler):
        if not path.endswith("/portforward"):
            return False
        self.forwarded.append(path)
        handler.protocol_version = "HTTP/1.1"
        handler.send_response(101)
        accepted = base64.b64encode(hashlib.sha1(f"{handler.headers['Sec-WebSocket-Key']}{GUID}".encode()).digest())  # noqa: S324
        for name, value in (("Upgrade", "websocket"), ("Connection", "Upgrade"), ("Sec-WebSocket-Accept", accepted)):
            handler.send_header(name, value if isinstance(value, str) else value.decode())
        handler.end_headers()
        for channel in (0, 1):
            send(handler, bytes([channel]) + struct.pack("<H", 8000))
        with contextlib.suppress(OSError, struct.error):
            while receive(handler):
                send(handler, b"\0" + ANSWER)
        handler.close_connection = True
        return True


def send(handler, data):
    handler.wfile.write(bytes([0x82, len(data)]) + data)
    handler.wfile.flush()


def receive(handler):
    """Return the size of a frame of the client's, 0 at the end."""
    kind, size = handler.rfile.read(2)
    size &= 0x7F
    if size == 126:
        (size,) = struct.unpack(">H", handler.rfile.read(2))
    handler.rfile.read(4 + size)
    return size if kind & 0xF == 2 else 0


@pytest.fixture(autouse=True)
def ipv6():
    skip_without_ipv6()


def from_pod(address):
    with requests.Session() as session:
        session.trust_env = False
        return session.get(f"http://{address}/v2", timeout=10).text


def test_a_stack_makes_its_namespace_and_a_predictor_there_and_reaches_it_by_port_forward(tmp_path):
    cluster = OfIpv6()
    with stack_on(cluster, tmp_path) as stack:
        assert stack.cluster.server == cluster.address
        assert cluster.address.startswith("http://[::1]:")
        endpoint = stack.start_predictor("triton-cpu-1", RUN, "cpu").endpoint
        assert endpoint.inside == "triton-cpu-1:8000"  # a name, whose address DNS knows
        assert from_pod(endpoint.http) == "from the pod"
    assert [path.rpartition("/pods/")[2] for path in cluster.forwarded] == ["triton-cpu-1-x7k2p/portforward"]
    assert cluster.names("namespaces") == []


def test_an_api_server_at_an_address_of_ipv6_proves_it_by_tls_and_forwards(tmp_path):
    issued, cluster = issue(["::1"]), OfIpv6()
    (tmp_path / "server.pem").write_text(issued.certificate + issued.key)
    (tmp_path / "authority.crt").write_text(issued.authority)
    cluster.tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    cluster.tls.load_cert_chain(tmp_path / "server.pem")
    with running(cluster):
        file = write_kubeconfig(tmp_path / "kubeconfig", "lab", server=cluster.address)
        content = yaml.safe_load(file.read_text())
        content["clusters"][0]["cluster"]["certificate-authority"] = str(tmp_path / "authority.crt")
        file.write_text(yaml.safe_dump(content))
        found = connect("", kubeconfig=file)
        assert found.server == cluster.address
        assert str(found).startswith("Kubernetes v1.31.5 at https://[::1]:")
        with contextlib.closing(Forward(found, "run", lambda: "triton-cpu-1", 8000)) as forward:
            assert from_pod(forward.address) == "from the pod"
    assert cluster.forwarded == ["/api/v1/namespaces/run/pods/triton-cpu-1/portforward"]
