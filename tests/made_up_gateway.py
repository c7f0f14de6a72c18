"""A gateway that is made up: it routes by the host that a request names, or refuses as real ones do."""

import contextlib
import json
import ssl
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler

import requests

from tests import http_server
from tests.http_server import LOGIN

# how the gateways answer in a server's place: the code, the body, and headers
REFUSALS: dict[str, tuple[int, bytes, dict[str, str]]] = {
    "rbac": (403, b"RBAC: access denied", {"Server": "istio-envoy", "Content-Type": "text/plain"}),
    "login": (302, b"", {"Location": "https://login.example.org/auth", "Server": "istio-envoy"}),
    "unauthorized": (401, b"Jwt is missing", {"Server": "istio-envoy", "Content-Type": "text/plain"}),
    "unhealthy": (503, b"no healthy upstream", {"Server": "envoy", "Content-Type": "text/plain"}),
    "upstream": (
        503,
        b"upstream connect error or disconnect/reset before headers. reset reason: connection failure",
        {"Server": "envoy", "Content-Type": "text/plain"},
    ),
    "queue-proxy": (502, b"dial tcp 127.0.0.1:8080: connect: connection refused\n", {"Server": "envoy"}),
    "large": (413, b"<html><h1>413 Request Entity Too Large</h1></html>", {"Server": "nginx"}),
    "page": (200, LOGIN, {"Content-Type": "text/html"}),
    "kong": (404, b'{"message":"no Route matched with those values"}', {"Server": "kong/3.4.0"}),
}
NO_ROUTE = (404, b"", {"Server": "istio-envoy"})


class MadeUpGateway:
    """`routes`: the `host:port` behind each host; `refuses`: a name of REFUSALS, "" for none; `path`: is cut off."""

    def __init__(self, path: str = "") -> None:
        self.routes: dict[str, str] = {}
        self.refuses, self.path, self.address = "", path, ""
        self.hosts: list[str] = []

    def answer(self, method: str, host: str, path: str, headers: dict[str, str], body: bytes):
        self.hosts.append(host)
        if self.refuses:
            return REFUSALS[self.refuses]
        if host not in self.routes or not path.startswith(self.path):
            return NO_ROUTE
        kept = {name: value for name, value in headers.items() if name.lower() not in ("host", "accept-encoding")}
        url = f"http://{self.routes[host]}{path.removeprefix(self.path)}"
        with requests.Session() as session:
            session.trust_env = False  # its proxies are the test's
            found = session.request(method, url, headers=kept, data=body, timeout=30)
        passed = ("Content-Type", "Inference-Header-Content-Length")
        # as Envoy does, whoever answered
        return (
            found.status_code,
            found.content,
            {"Server": "istio-envoy"} | {name: found.headers[name] for name in passed if name in found.headers},
        )


@contextlib.contextmanager
def running(
    gateway: MadeUpGateway, context: ssl.SSLContext | None = None, host: str = "127.0.0.1"
) -> Iterator[MadeUpGateway]:
    """Have the gateway answer at its address until the block ends, over TLS with a `context`."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            code, answer, headers = gateway.answer(
                self.command, self.headers["Host"], self.path, dict(self.headers), body
            )
            self.send_response_only(code)
            for name, value in headers.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(answer)

        def do_POST(self):
            self.do_GET()

        def setup(self):
            if context:
                self.request = context.wrap_socket(self.request, server_side=True)
            super().setup()

    with http_server.answering(Handler, host) as address:
        gateway.address = address
        yield gateway


class MadeUpTriton(BaseHTTPRequestHandler):
    """Answers for a model `cifar10`: its metadata, a prediction, and an error for any other."""

    def do_GET(self):
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if self.path.endswith("/ready") or self.path == "/v2/health/live":
            self.say(200, b"")
        elif "/models/cifar10" not in self.path:
            self.say(404, json.dumps({"error": "Request for unknown model"}).encode())
        elif self.path.endswith("/config"):
            self.say(200, json.dumps({"instance_group": [{"kind": "KIND_CPU"}]}).encode())
        elif self.path.endswith("/infer") and not body:
            self.say(400, json.dumps({"error": "failed to parse the request JSON buffer"}).encode())
        else:
            output = {"name": "dense_1", "datatype": "FP32", "shape": [1, 10], "data": [float(n) for n in range(10)]}
            self.say(200, json.dumps({"name": "cifar10", "outputs": [output]}).encode())

    def do_POST(self):
        self.do_GET()

    def say(self, code, body):
        self.send_response_only(code)
        self.send_header("Content-Type", "application/json")
        self.end_headers()
        self.wfile.write(body)
