"""A pytest plugin: writes when each request to the API server was made to the file that COUNT_REQUESTS names."""

import json
import os
import time
from pathlib import Path

from kubernetes.client.rest import RESTClientObject
from kubernetes.stream import ws_client

TIMES: list[float] = []


def counting(function):
    def counted(*arguments, **named):
        TIMES.append(time.monotonic())
        return function(*arguments, **named)

    return counted


RESTClientObject.request = counting(RESTClientObject.request)  # type: ignore[method-assign]
ws_client.create_websocket = counting(ws_client.create_websocket)


def pytest_unconfigure():
    Path(os.environ["COUNT_REQUESTS"]).write_text(json.dumps(TIMES))
