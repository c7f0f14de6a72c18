"""A small HTTP server of a test's own, on 127.0.0.1, and one that speaks no HTTP."""

import contextlib
import socket
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

POLL_SECONDS = 0.02  # how long its end may take


class OfIpv6(ThreadingHTTPServer):
    address_family = socket.AF_INET6


# by whether they are at an address of IPv6
SERVERS: dict[bool, type[ThreadingHTTPServer]] = {False: ThreadingHTTPServer, True: OfIpv6}


def skip_without_ipv6() -> None:
    """Skip where this machine has no ::1, as where its kernel has IPv6 disabled."""
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError as error:
        pytest.skip(f"this machine has no IPv6: ::1 can't be listened on ({error})")


@contextlib.contextmanager
def answering(handler: type[BaseHTTPRequestHandler], host: str = "127.0.0.1") -> Iterator[str]:
    """Have the handler answer, without a line on the terminal for each request, until the context ends.

    Yields the server's `host:port`, as URLs have it.
    """
    quiet = type(handler.__name__, (handler,), {"log_message": lambda self, *arguments: None})
    with SERVERS[":" in host]((host, 0), quiet) as server:
        server.ended = threading.Event()  # type: ignore[attr-defined]
        threading.Thread(target=server.serve_forever, args=(POLL_SECONDS,), daemon=True).start()
        try:
            yield f"[{host}]:{server.server_port}" if ":" in host else f"{host}:{server.server_port}"
        finally:
            server.ended.set()  # type: ignore[attr-defined]
            server.shutdown()


LOGIN = b"<html><title>Sign in to the proxy</title></html>"


def saying(
    body: bytes = LOGIN, code: int = 200, kind: str = "text/html", path: str = "", **headers: str
) -> type[BaseHTTPRequestHandler]:
    """Return a handler that answers everything alike; with a `path`, what is not about it with nothing."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length") or 0))
            meant = path in self.path
            self.send_response(code if meant else 200)
            for name, value in {"Content-Type": kind if meant else "text/plain", **headers}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body if meant else b"")

    methods = dict.fromkeys(("do_POST", "do_PUT", "do_CONNECT"), Handler.do_GET)
    return type("Handler", (Handler,), methods)


class Dripping(BaseHTTPRequestHandler):
    """A handler that answers every request with a byte at a time, until nobody reads it."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", "100000")
        self.end_headers()
        with contextlib.suppress(OSError):
            while not self.server.ended.wait(0.05):  # type: ignore[attr-defined]
                self.wfile.write(b" ")

    def do_POST(self) -> None:
        self.do_GET()


@contextlib.contextmanager
def talking(words: bytes) -> Iterator[str]:
    """Say the words to whoever connects, and close; say nothing, and stay, where there are none.

    Yields `host:port`.
    """
    taken: list[socket.socket] = []
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def accept() -> None:
            with contextlib.suppress(OSError):
                while True:
                    taken.append(listener.accept()[0])
                    taken[-1].sendall(words)
                    if words:
                        taken[-1].close()

        threading.Thread(target=accept, daemon=True).start()
        try:
            yield f"127.0.0.1:{listener.getsockname()[1]}"
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            for connection in taken:
                connection.close()
