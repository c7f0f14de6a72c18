"""What the stacks share about a predictor that runs, whoever runs it."""

import contextlib
import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

import requests

from acceptance.errors import AcceptanceError, Unrecoverable
from acceptance.health import unready
from acceptance.load.result import LoadPlan, LoadResult
from acceptance.serving import inference
from acceptance.serving.inference import Answered
from acceptance.stacks.protocol import Endpoint, Say
from acceptance.waiting import Ready, wait_until

LOOPBACK = ("127.0.0.1", "localhost", "::1")
MLFLOW_SECONDS = 120


@dataclass(frozen=True)
class Served:
    """A predictor's server: how to read its log and how to end it."""

    log: Callable[[], str]
    end: Callable[[], None]


def prepare_environment() -> None:
    """Keep this process, and those that it starts, from the user's own MLflow and from a company's proxy.

    MLflow takes any of its options from a variable: an experiment, where artifacts go, the server's address.
    """
    for name in [name for name in os.environ if name.startswith(("MLFLOW_", "_MLFLOW_"))]:
        del os.environ[name]
    os.environ["MLFLOW_HTTP_REQUEST_MAX_RETRIES"] = "1"  # else it tries a dead server for minutes
    for name in ("no_proxy", "NO_PROXY"):
        known = [item for item in os.environ.get(name, "").split(",") if item]
        os.environ[name] = ",".join([*known, *(item for item in LOOPBACK if item not in known)])


def predictor_state(endpoint: Endpoint) -> str:
    """Return "" when the predictor is ready and serves on the device that was asked for."""
    waiting = inference.server_ready(endpoint.http, endpoint.model)
    if not waiting:
        groups = inference.model_config(endpoint.http, endpoint.model)["instance_group"]
        kinds = {group["kind"] for group in groups}
        if kinds != {f"KIND_{endpoint.device.upper()}"}:
            raise Unrecoverable(f"{endpoint}: its instance group is {kinds}; the device asked for is {endpoint.device}")
    return waiting


def check_counted(endpoint: Endpoint, result: LoadResult, before: Answered) -> None:
    """Raise AcceptanceError where the server counted fewer answers than came back: another server gave them."""
    came_back = int((~result.failed).sum())
    try:
        counted = (inference.answered(endpoint.metrics, endpoint.model) - before).succeeded
    except requests.RequestException as error:
        raise AcceptanceError(f"{endpoint}: its metrics do not answer after the load: {error}") from error
    if counted < came_back:
        raise AcceptanceError(
            f"{endpoint} counted {counted:,} answers of its model {endpoint.model} during the load and "
            f"{came_back:,} came back: the load went to another server"
        )


def answered_so_far(endpoint: Endpoint, plan: LoadPlan, before: Answered) -> str:
    """Return how far a load is by the server's own count; `before` is its count before the load."""
    with contextlib.suppress(requests.RequestException):  # a server that died is found by the next check
        done = inference.answered(endpoint.metrics, endpoint.model) - before
        answered = min(done.succeeded + done.failed, plan.requests)
        success = f", {done.succeeded / (done.succeeded + done.failed):.1%} of them well" if answered else ""
        return f"load, {answered:,} of {plan.requests:,} requests answered{success}"
    return "load, the server's metrics do not answer"


def wait_for_end(
    name: str,
    ended_well: Callable[[], bool],
    check: Callable[[], None],
    progress: Callable[[], str],
    say: Say,
    timeout: float,
    look_at: Path,
) -> None:
    """Wait until a process or a container ended well, with its progress, if it has words for it, on the terminal.

    `check` raises when it, or what it needs, has died.
    """

    def state() -> Ready[None] | str:
        if ended_well():
            return Ready(None)
        check()
        text = progress()
        if text:
            say(text)
        return text or "it runs"

    wait_until(f"{name} to finish", state, timeout, look_at=str(look_at), poll=1.0)


def wait_for_answer(
    description: str, missing: Callable[[], str], check: Callable[[], None], timeout: float, look_at: str = ""
) -> None:
    """Wait until `missing` says ""; `check` raises, and so gives up at once, when anything of the stack has died."""

    def state() -> Ready[None] | str:
        check()
        return missing() or Ready(None)

    wait_until(description, state, timeout, look_at=look_at)


def wait_for_mlflow(uri: str, check: Callable[[], None], log: Path) -> None:
    wait_for_answer("MLflow to answer", lambda: unready("MLflow", f"{uri}/health"), check, MLFLOW_SECONDS, str(log))


def wait_for_predictor(endpoint: Endpoint, check: Callable[[], None], timeout: float, log: Path) -> None:
    wait_for_answer(f"{endpoint} to be ready", lambda: predictor_state(endpoint), check, timeout, str(log))


def save_metrics(endpoints: Iterable[Endpoint], folder: Path) -> None:
    """Write each server's metrics, as it has them now, beside the logs; one that has gone keeps its last."""
    for endpoint in endpoints:
        with contextlib.suppress(requests.RequestException):
            text = inference.read_metrics(endpoint.metrics)
            (folder / f"triton-{endpoint.device}-metrics.txt").write_text(text)


def addresses(tracking_uri: str, endpoints: list[Endpoint]) -> list[str]:
    """Return a line on each server that a kept stack has on this machine's ports."""
    lines = [f"MLflow: {tracking_uri}"] if tracking_uri else []
    return lines + [f"Triton on the {one.device.upper()}: {one.infer_url}, gRPC {one.grpc}" for one in endpoints]
