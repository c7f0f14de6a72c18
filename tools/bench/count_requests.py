"""A pytest plugin: writes when each request to the API server was made, and which, to the file COUNT_REQUESTS."""

import json
import os
import time
from pathlib import Path

from kubernetes.client.rest import RESTClientObject
from kubernetes.stream import ws_client

MADE: list[tuple[float, str]] = []


def counting(function):
    def counted(*arguments, **named):
        MADE.append((time.monotonic(), " ".join(map(str, arguments[1:3])).split("?")[0]))
        return function(*arguments, **named)

    return counted


RESTClientObject.request = counting(RESTClientObject.request)  # type: ignore[method-assign]
ws_client.create_websocket = counting(ws_client.create_websocket)


def pytest_unconfigure():
    Path(os.environ["COUNT_REQUESTS"]).write_text(json.dumps(MADE), encoding="utf-8")
