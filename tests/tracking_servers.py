"""Tracking servers of somebody else's for tests: real ones of MLflow 3 and 2, and what may stand before one."""

import contextlib
import os
import secrets
import signal
import ssl
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import requests

from acceptance.paths import ROOT
from acceptance.processes.local import free_port
from acceptance.storage.certificate import issue
from acceptance.training.project import server_environment
from acceptance.waiting import Ready, wait_until
from tools.suite_run import WITH_PARENT

ADMIN = "admin"
SECONDS = 120
# what concerns one connection alone, or what the handler says by itself
HELD_BACK = {"content-length", "transfer-encoding", "connection", "content-encoding", "host", "date", "server"}


@dataclass(frozen=True)
class Server:
    """A server's address, and with basic authentication its administrator's password."""

    uri: str
    folder: Path
    process: subprocess.Popen
    password: str = ""

    @property
    def variables(self) -> dict[str, str]:
        return account(ADMIN, self.password) if self.password else {}

    def client(self, monkeypatch: Any) -> Any:
        """Return MLflow's client of its administrator; it reads the variables whenever it asks."""
        from mlflow import MlflowClient

        for name, value in self.variables.items():
            monkeypatch.setenv(name, value)
        return MlflowClient(self.uri)

    def add_user(self, name: str) -> dict[str, str]:
        """Add an account that may read and no more; return the variables of it."""
        password = secrets.token_hex(8)
        answer = requests.post(
            f"{self.uri}/api/2.0/mlflow/users/create",
            json={"username": name, "password": password},
            auth=(ADMIN, self.password),
            timeout=30,
        )
        answer.raise_for_status()
        return account(name, password)


def account(user: str, password: str) -> dict[str, str]:
    return {"MLFLOW_TRACKING_USERNAME": user, "MLFLOW_TRACKING_PASSWORD": password}


def python_of_mlflow2() -> str:
    """Return the Python of the locked environment with MLflow 2; skips where it can't be had."""
    made = subprocess.run(
        [ROOT / "tools" / "peer", "tests/servers/mlflow2"], capture_output=True, encoding="utf-8", check=False
    )
    if made.returncode:
        pytest.skip(f"no MLflow 2: its locked environment can't be made: {made.stderr.strip()[-300:]}")
    return str(Path(made.stdout.strip()) / "bin" / "python")


@contextlib.contextmanager
def running_server(folder: Path, *options: str, python: str = sys.executable, locked: bool = False) -> Iterator[Server]:
    """Run a tracking server on a port of 127.0.0.1; `locked`: with basic authentication, under which all may read."""
    folder.mkdir(parents=True, exist_ok=True)
    port, password = free_port(), secrets.token_hex(8) if locked else ""
    environment = {"PATH": os.environ["PATH"], "HOME": str(folder), **server_environment()}
    if locked:
        settings = {
            "default_permission": "READ",
            "database_uri": f"sqlite:///{folder}/accounts.db",
            "admin_username": ADMIN,
            "admin_password": password,
            "authorization_function": "mlflow.server.auth:authenticate_request_basic_auth",
        }
        lines = ["[mlflow]", *(f"{name} = {value}" for name, value in settings.items())]
        (folder / "accounts.ini").write_text("\n".join(lines))
        environment |= {
            "MLFLOW_AUTH_CONFIG_PATH": str(folder / "accounts.ini"),
            "MLFLOW_FLASK_SERVER_SECRET_KEY": secrets.token_hex(8),
        }
        options = ("--app-name", "basic-auth", *options)
    command = [
        *(*WITH_PARENT, python, "-m", "mlflow", "server", *options),
        *("--host", "127.0.0.1", "--port", str(port), "--workers", "1"),
        *("--backend-store-uri", f"sqlite:///{folder}/mlflow.db"),
        *("--artifacts-destination", str(folder / "artifacts")),
    ]
    with (folder / "server.log").open("wb") as log:
        process = subprocess.Popen(
            command, env=environment, stdout=log, stderr=subprocess.STDOUT, start_new_session=True
        )
    server = Server(f"http://127.0.0.1:{port}", folder, process, password)
    try:
        wait_until("MLflow to answer", lambda: answers(server), SECONDS, look_at=str(folder / "server.log"))
        yield server
    finally:
        stop(server)


def stop(server: Server) -> None:
    """End the server and its workers, which lead a session of their own."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(server.process.pid, signal.SIGKILL)
    server.process.wait()


def answers(server: Server) -> Ready[None] | str:
    assert server.process.poll() is None, (server.folder / "server.log").read_text()
    try:
        answer = requests.get(f"{server.uri}/health", timeout=5)
    except requests.RequestException as error:
        return str(error)
    return Ready(None) if answer.ok else f"HTTP {answer.status_code}"


# --- before a server


@dataclass(frozen=True)
class Said:
    """What a front answers by itself."""

    code: int
    body: bytes = b""
    kind: str = "text/html"
    headers: dict[str, str] = field(default_factory=dict)


# gets a request's method, path and headers; returns what is said to it, or None for what the server says
Rule = Callable[[str, str, Any], Said | None]


def nothing(method: str, path: str, headers: Any) -> None:
    return None


@contextlib.contextmanager
def front(
    server: Server,
    folder: Path,
    rule: Rule = nothing,
    prefix: str = "",
    tls: bool = False,
    host: str = "127.0.0.1",
    name: str = "",
    client: Path | None = None,
) -> Iterator[str]:
    """Stand before a server, as a gateway does: beneath a prefix, with TLS by an authority in `folder/authority.crt`.

    Its certificate is for the name, where it has one, and else for the host. `client`: the file of the only client
    certificate that it takes.

    Yields the address by which it is reached.
    """
    session = requests.Session()
    session.trust_env = False

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            path = self.path.removeprefix(prefix)
            said = rule(self.command, path, self.headers)
            if not said and not self.path.startswith(prefix):
                said = Said(404, b"nothing here")
            if said:
                self.say(said.code, {"Content-Type": said.kind, **said.headers}, said.body)
                return
            headers = {name: value for name, value in self.headers.items() if name.lower() not in HELD_BACK}
            headers["Connection"] = "close"  # a server may close what is kept, just as it is used
            answer = session.request(
                self.command, f"{server.uri}{path}", headers=headers, data=body, timeout=60, allow_redirects=False
            )
            self.say(answer.status_code, answer.headers, answer.content)

        def say(self, code: int, headers: Any, body: bytes) -> None:
            self.send_response(code)
            for name, value in headers.items():
                if name.lower() not in HELD_BACK:
                    self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *arguments: object) -> None:
            pass

    methods = {f"do_{method}": Handler.do_GET for method in ("POST", "PUT", "PATCH", "DELETE")}
    with ThreadingHTTPServer((host, 0), type("Front", (Handler,), methods)) as listener:
        if tls:
            folder.mkdir(exist_ok=True)
            issued = issue([name or host])
            (folder / "authority.crt").write_text(issued.authority)
            (folder / "server.pem").write_text(issued.certificate + issued.key)
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(folder / "server.pem")
            if client:
                context.verify_mode = ssl.CERT_REQUIRED
                context.load_verify_locations(client)
            listener.socket = context.wrap_socket(listener.socket, server_side=True)
        threading.Thread(target=listener.serve_forever, args=(0.02,), daemon=True).start()
        try:
            yield f"{'https' if tls else 'http'}://{host}:{listener.server_port}{prefix}"
        finally:
            listener.shutdown()
