"""A made-up Docker daemon that is asked by HTTP: its images, its registries' answers, and its `docker info`."""

import contextlib
import json
import threading
from collections.abc import Iterator, Mapping
from http.server import BaseHTTPRequestHandler
from typing import Any
from urllib.parse import unquote

from tests.docker_recorded import INFO
from tests.http_server import answering

FOUND = (200, {"Descriptor": {"digest": "sha256:0"}, "Platforms": []})

# what it says to whatever it is told to make
NO_NETWORK = "all predefined address pools have been fully subnetted"


@contextlib.contextmanager
def daemon(
    images: Mapping[str, tuple[int, Any]],
    info: Mapping[str, Any] | None = None,
    calls: list[str] | None = None,
    dies: bool = False,
) -> Iterator[str]:
    """Yield its address. `images`: what its registries answer for each that it lacks; it has all others.

    A pull begins and has no end; where it `dies`, nothing is answered from then on.
    """
    pulling = threading.Event()

    class Daemon(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if dies and pulling.is_set():
                self.server.ended.wait()  # type: ignore[attr-defined]
            path = unquote(self.path).split("?")[0]
            (calls if calls is not None else []).append(f"GET {path}")
            self.say(*self.answer(path))

        def say(self, code: int, answer: Any) -> None:
            body = answer.encode() if isinstance(answer, str) else json.dumps(answer).encode()
            self.send_response(code)
            self.send_header("Content-Type", "text/plain" if isinstance(answer, str) else "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def do_POST(self) -> None:
            (calls if calls is not None else []).append(f"POST {self.path}")
            if "/images/create" in self.path:
                self.pull()
                return
            self.say(500, {"message": NO_NETWORK})

        def pull(self) -> None:
            self.send_response(200)
            self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()
            line = b'{"status": "Pulling fs layer", "id": "e1"}\r\n'
            self.wfile.write(b"%x\r\n%s\r\n" % (len(line), line))
            pulling.set()
            self.server.ended.wait()  # type: ignore[attr-defined]

        def answer(self, path: str) -> tuple[int, Any]:
            if path.endswith("/_ping"):
                return 200, "OK"
            if path.endswith("/version"):
                return 200, {"ApiVersion": "1.41", "Version": "20.10.24"}
            if path.endswith("/info"):
                return 200, {**INFO, **(info or {})}
            if path.endswith(("/containers/json", "/networks", "/volumes")):
                return 200, {"Volumes": []} if path.endswith("/volumes") else []
            _, _, kind, *name = path.split("/")
            image = "/".join(name).removesuffix("/json")
            if kind == "images":
                return (404, {"message": f"No such image: {image}"}) if image in images else (200, {"Id": "sha256:1"})
            return images[image] if kind == "distribution" else (404, {"message": "page not found"})

    with answering(Daemon) as address:
        yield f"tcp://{address}"
