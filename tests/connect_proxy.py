"""An HTTP proxy that tunnels (CONNECT), and knows names that nobody else does."""

import contextlib
import select
import socket
import threading
from collections.abc import Iterator, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Proxy(ThreadingHTTPServer):
    """`names` maps `host:port` to where that leads; `tunnels` has each that was asked for."""

    daemon_threads = True

    def __init__(self, names: Mapping[str, tuple[str, int]]) -> None:
        super().__init__(("127.0.0.1", 0), Tunnel)
        self.names, self.tunnels = names, list[str]()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class Tunnel(BaseHTTPRequestHandler):
    server: Proxy

    def do_CONNECT(self) -> None:
        self.server.tunnels.append(self.path)
        if self.path not in self.server.names:
            self.send_error(502, f"no such host: {self.path}")
            return
        with socket.create_connection(self.server.names[self.path]) as there:
            self.send_response(200)
            self.end_headers()
            carry(self.connection, there)

    def log_message(self, *arguments: object) -> None:
        pass


def carry(one: socket.socket, other: socket.socket) -> None:
    """Carry bytes both ways until one side ends."""
    with contextlib.suppress(OSError):
        while True:
            for readable in select.select([one, other], [], [])[0]:
                data = readable.recv(1 << 16)
                if not data:
                    return
                (other if readable is one else one).sendall(data)


@contextlib.contextmanager
def proxy_to(names: Mapping[str, tuple[str, int]]) -> Iterator[Proxy]:
    with Proxy(names) as proxy:
        threading.Thread(target=proxy.serve_forever, daemon=True).start()
        try:
            yield proxy
        finally:
            proxy.shutdown()
