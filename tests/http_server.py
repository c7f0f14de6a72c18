"""A small HTTP server of a test's own, on 127.0.0.1."""

import contextlib
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

POLL_SECONDS = 0.02  # how long its end may take


@contextlib.contextmanager
def answering(handler: type[BaseHTTPRequestHandler]) -> Iterator[str]:
    """Have the handler answer, without a line on the terminal for each request, until the context ends.

    Yields the server's `host:port`.
    """
    quiet = type(handler.__name__, (handler,), {"log_message": lambda self, *arguments: None})
    with ThreadingHTTPServer(("127.0.0.1", 0), quiet) as server:
        threading.Thread(target=server.serve_forever, args=(POLL_SECONDS,), daemon=True).start()
        try:
            yield f"127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
