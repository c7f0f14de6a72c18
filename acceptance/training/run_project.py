"""`mlflow run`, once the tracking server answers: this process starts while the server does, and both take seconds.

A program of its own; MLFLOW_TRACKING_URI names the server, the arguments are those of `mlflow`. It waits for as long as
it is left to: the suite, which started both, knows whether the server lives.
"""

import contextlib
import os
import time
import urllib.request
from http.client import HTTPException

from mlflow.cli import cli

POLL_SECONDS = 0.05


def answers(server: str) -> bool:
    with contextlib.suppress(OSError, HTTPException), urllib.request.urlopen(f"{server}/health", timeout=5) as answer:  # noqa: S310
        return answer.status == 200
    return False


if __name__ == "__main__":
    tracking_uri = os.environ["MLFLOW_TRACKING_URI"]
    while tracking_uri.startswith("http") and not answers(tracking_uri):
        time.sleep(POLL_SECONDS)
    cli(prog_name="mlflow")
