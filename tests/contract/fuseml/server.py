"""A server that answers what a FuseML had answered, in the order of a script, and git repositories beside it."""

import contextlib
import json
import os
import subprocess
import threading
from base64 import b64decode
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from tests import http_server
from tests.contract.fuseml.recordings import Names, recording, same_body, same_target

GIT = "/git"
# where the recorded codesets' repositories were
RECORDED_GIT = "http://127.0.0.1:3000"
RECORDED_PASSWORD = "PASSWORD"  # noqa: S105 - what stands in the recordings for it


@dataclass
class Replay:
    """A script of recordings. `asked`: every request in words; `unexpected`: those that were none of the script's.

    `bindings`: a file of what recorded texts are now, once somebody has written it.
    """

    script: list[str]
    repositories: Path
    own: bool = False
    names: Names = field(default_factory=Names)
    asked: list[str] = field(default_factory=list)
    unexpected: list[str] = field(default_factory=list)
    address: str = ""
    bindings: Path | None = None
    password: str = RECORDED_PASSWORD
    lock: threading.Lock = field(default_factory=threading.Lock)
    at: int = -1

    def answer(self, method: str, target: str, accept: str, body: str | None) -> Any:
        """Return the recorded answer, None for what the script has not next."""
        with self.lock:
            self.asked.append(f"{method} {target}")
            for at in (self.at + 1, self.at):
                if 0 <= at < len(self.script):
                    kept = recording("http", self.script[at], self.own)
                    if self.same(kept["request"], method, target, accept, body):
                        self.at = at
                        return kept["answer"]
            due = self.script[self.at + 1] if self.at + 1 < len(self.script) else "nothing"
            self.unexpected.append(f"{method} {target}, Accept {accept}, {body}: the script has {due} next")
            return None

    def same(self, kept: Any, method: str, target: str, accept: str, body: str | None) -> bool:
        names = Names(dict(self.names.now))
        alike = (
            method == kept["method"]
            and accept == kept["headers"].get("Accept", "*/*")
            and same_target(target, kept["target"], names)
            and same_body(body, kept.get("body"), names)
        )
        if alike:
            self.names = names
        return alike

    @property
    def is_over(self) -> bool:
        """Whether every request of the script was made, and no other."""
        return not self.unexpected and self.at == len(self.script) - 1

    def put(self, text: str) -> str:
        """Return a recorded text as it is of now: with addresses, what is bound, and names."""
        now = {RECORDED_GIT: f"http://{self.address}{GIT}"}
        if self.bindings and self.bindings.exists():
            now |= json.loads(self.bindings.read_text())
        for was, is_now in now.items():
            text = text.replace(was, is_now)
        return self.names.put(text)

    def repository(self, path: str) -> Path:
        """Return the folder of a repository, which is made at first use as FuseML does: with one commit."""
        folder = self.repositories / path.strip("/")
        if not folder.exists():
            folder.mkdir(parents=True)
            git(folder, "init", "--quiet", "--bare", "--initial-branch", "main")
            git(folder, "config", "http.receivepack", "true")
            file = git(folder, "hash-object", "-w", "--stdin", text="made with the repository\n")
            tree = git(folder, "mktree", text=f"100644 blob {file}\tREADME.md\n")
            git(folder, "update-ref", "refs/heads/main", git(folder, "commit-tree", "-m", "first", tree))
        return folder


def git(folder: Path, *arguments: str, text: str = "") -> str:
    who = {f"GIT_{who}_{what}": "server" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
    environment = {"PATH": os.environ["PATH"], "HOME": "/nowhere", "GIT_CONFIG_NOSYSTEM": "1", **who}
    command = ["git", "-C", str(folder), *arguments]
    done = subprocess.run(command, input=text, env=environment, capture_output=True, encoding="utf-8", check=True)
    return done.stdout.strip()


def password_in(authorization: str) -> str:
    return b64decode(authorization.removeprefix("Basic ")).decode().partition(":")[2]


@contextlib.contextmanager
def replaying(replay: Replay) -> Iterator[Replay]:
    """Have the script answered, and its repositories served, until the context ends."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if urlsplit(self.path).path.startswith(f"{GIT}/"):
                self.serve_git()
                return
            length = int(self.headers.get("Content-Length") or 0)
            body = self.rfile.read(length).decode() if length else None
            kept = replay.answer(self.command, self.path, self.headers.get("Accept", "*/*"), body)
            if kept is None:
                self.send(500, {"Content-Type": "text/plain"}, b"nothing like that was recorded")
                return
            own = ("content-length", "transfer-encoding")
            headers = {name: text for name, text in kept["headers"].items() if name.lower() not in own}
            self.send(kept["status"], headers, replay.put(kept.get("body") or "").encode())

        def send(self, status: int, headers: dict[str, str], body: bytes) -> None:
            self.send_response_only(status)
            for name, text in headers.items():
                self.send_header(name, text)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def serve_git(self) -> None:
            """Answer as git's own CGI does, to the project's user alone."""
            if self.headers.get("Transfer-Encoding") == "chunked":
                pieces = []
                while size := int(self.rfile.readline(), 16):
                    pieces.append(self.rfile.read(size))
                    self.rfile.readline()
                self.rfile.readline()
                body = b"".join(pieces)
            else:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            if password_in(self.headers.get("Authorization", "")) != replay.password:
                self.send(401, {"WWW-Authenticate": "Basic"}, b"")
                return
            url = urlsplit(self.path)
            path = url.path.removeprefix(GIT)
            replay.repository(path.partition(".git")[0] + ".git")
            environment = {
                "PATH": os.environ["PATH"],
                "GIT_PROJECT_ROOT": str(replay.repositories),
                "GIT_HTTP_EXPORT_ALL": "1",
                "PATH_INFO": path,
                "QUERY_STRING": url.query,
                "REQUEST_METHOD": self.command,
                "CONTENT_TYPE": self.headers.get("Content-Type", ""),
                "CONTENT_LENGTH": str(len(body)),
                "HTTP_CONTENT_ENCODING": self.headers.get("Content-Encoding", ""),
                "REMOTE_USER": "somebody",
            }
            said = subprocess.run(
                ["git", "http-backend"], input=body, env=environment, capture_output=True, check=True
            ).stdout
            head, _, rest = said.partition(b"\r\n\r\n")
            headers = dict(line.split(": ", 1) for line in head.decode().splitlines())
            self.send(int(headers.pop("Status", "200").split()[0]), headers, rest)

    methods = dict.fromkeys(("do_POST", "do_DELETE"), Handler.do_GET)
    with http_server.answering(type("Handler", (Handler,), methods)) as address:
        replay.address = address
        yield replay
