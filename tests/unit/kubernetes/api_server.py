"""An API server that is made up: it answers the real client over HTTP, and keeps what it was asked."""

import contextlib
import json
import ssl
from collections.abc import Callable, Iterator, Mapping
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import parse_qsl

import yaml

from acceptance.kubernetes.client import Cluster
from acceptance.redaction.redactor import Redactor
from tests import http_server

Answer = tuple[int, Any]
"""A status, and a dictionary that becomes JSON, or pieces of bytes that are sent one after the other."""


class CutOff(bytes):
    """A body whose connection breaks before its end."""


class ApiServer:
    """Creates whatever is posted; `answers` are what it says to GETs, by their paths without the query."""

    host = "127.0.0.1"
    tls: ssl.SSLContext | None = None

    def __init__(self) -> None:
        self.answers: dict[str, Answer | Callable[[], Answer]] = {}
        self.asked: list[str] = []
        self.created: list[Any] = []
        self.patched: list[tuple[str, Any]] = []
        self.address = ""

    def get(self, path: str, query: Mapping[str, str]) -> Answer:
        self.asked.append(path)
        answer = self.answers.get(path, (404, {"message": f"{path} not found"}))
        return answer() if callable(answer) else answer

    def open_stream(self, path: str, handler: BaseHTTPRequestHandler) -> bool:
        """Answer a request for a WebSocket, and carry it to its end; False where it is answered as any other."""
        return False

    def post(self, path: str, body: Any) -> Any:
        """Keep an object; return it as it is then."""
        self.created.append(body)
        return body

    def try_out(self, path: str, body: Any) -> Any:
        """Return an object as it would be."""
        return body

    def refuse(self, path: str, body: Any) -> Answer | None:
        """Return why an object is not taken, tried out or not; None where it is."""
        return None

    def may(self, verb: str, resource: str, namespace: str) -> bool:
        """Say whether the account may do this, as to `deployments.apps` or `pods/log`."""
        return True

    def patch(self, path: str, body: Any) -> Any:
        """Keep what an object is to be changed by; return the object."""
        self.patched.append((path, body))
        return body

    def delete(self, path: str) -> Answer:
        return 404, {"message": f"{path} not found"}

    def delete_all(self, path: str, selector: str) -> Answer:
        """Delete what a collection has with the labels."""
        return 404, {"message": f"{path} not found"}


S = TypeVar("S", bound=ApiServer)


def handler_of(server: ApiServer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def setup(self) -> None:
            if server.tls:
                self.request = server.tls.wrap_socket(self.request, server_side=True)
            super().setup()

        def do_GET(self) -> None:
            path, _, query = self.path.partition("?")
            if "Upgrade" not in self.headers or not server.open_stream(path, self):
                self.send(*server.get(path, dict(parse_qsl(query))))

        def do_PATCH(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            if self.headers["Content-Type"] != "application/merge-patch+json":
                self.send(415, {"message": f"no patch is {self.headers['Content-Type']}"})
                return
            self.send(200, server.patch(self.path.partition("?")[0], body))

        def do_DELETE(self) -> None:
            path, _, query = self.path.partition("?")
            selector = dict(parse_qsl(query)).get("labelSelector")
            self.send(*(server.delete_all(path, selector) if selector else server.delete(path)))

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            path, _, query = self.path.partition("?")
            if path.endswith("/selfsubjectaccessreviews"):
                asked = body["spec"]["resourceAttributes"]
                parts = f"/{asked['subresource']}" if asked.get("subresource") else ""
                group = f".{asked['group']}" if asked.get("group") else ""
                allowed = server.may(asked["verb"], f"{asked['resource']}{parts}{group}", asked.get("namespace", ""))
                self.send(201, {**body, "status": {"allowed": allowed}})
            elif refused := server.refuse(path, body):
                self.send(*refused)
            else:
                self.send(201, server.try_out(path, body) if "dryRun" in query else server.post(path, body))

        def send(self, status: int, body: Any) -> None:
            pieces = [json.dumps(body).encode()] if isinstance(body, dict) else body
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            if isinstance(body, CutOff):
                pieces = [body]
                self.send_header("Content-Length", str(len(body) + 1))
            self.end_headers()  # without a length, the end of the connection is the end of the body
            with contextlib.suppress(ConnectionError):
                for piece in pieces:
                    self.wfile.write(piece)
                    self.wfile.flush()

    return Handler


@contextlib.contextmanager
def running(server: S) -> Iterator[S]:
    """Have the server answer at its address until the context ends."""
    with http_server.answering(handler_of(server), server.host) as address:
        server.address = f"{'https' if server.tls else 'http'}://{address}"
        yield server


def running_api_server() -> contextlib.AbstractContextManager[ApiServer]:
    return running(ApiServer())


def write_kubeconfig(file: Path, *contexts: str, server: str = "http://127.0.0.1:1", **user: Any) -> Path:
    """Write a kubeconfig with these contexts of one server, by default one that nobody is behind, and its user."""
    content = {
        "clusters": [{"name": "nowhere", "cluster": {"server": server}}],
        "users": [{"name": "nobody", "user": user}],
        "contexts": [{"name": name, "context": {"cluster": "nowhere", "user": "nobody"}} for name in contexts],
        "current-context": contexts[0],
    }
    file.write_text(yaml.safe_dump(content))
    return file


def cluster_of(folder: Path, server: str, redactor: Redactor | None = None, **user: Any) -> Cluster:
    """Return the cluster of a server, by a kubeconfig in the folder."""
    kubeconfig = write_kubeconfig(folder / "kubeconfig", "lab", server=server, **user)
    return Cluster("lab", server, "nobody", kubeconfig=kubeconfig, redactor=redactor or Redactor())
