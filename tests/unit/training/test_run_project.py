"""The program that runs the project: it waits for the tracking server, and then is `mlflow`."""

import itertools
import os
import subprocess
import sys
from http.server import BaseHTTPRequestHandler

from acceptance.training.project import RUN_PROJECT
from tests import http_server


class Starting(BaseHTTPRequestHandler):
    """A server that is ready at the third question."""

    asked = itertools.count(1)

    def do_GET(self):
        self.send_response(200 if next(self.asked) >= 3 else 503)
        self.end_headers()


def version(tracking_uri):
    """Return what `mlflow --version` says where that server tracks."""
    command = [sys.executable, "-P", str(RUN_PROJECT), "--version"]
    variables = {**os.environ, "MLFLOW_TRACKING_URI": tracking_uri}
    return subprocess.run(command, env=variables, timeout=60, check=True, capture_output=True, text=True).stdout


def test_it_waits_until_the_tracking_server_answers():
    with http_server.answering(Starting) as address:
        assert version(f"http://{address}").startswith("mlflow, version")
    assert next(Starting.asked) == 4


def test_a_database_is_not_waited_for():
    assert version("sqlite:////nowhere/mlflow.db").startswith("mlflow, version")
