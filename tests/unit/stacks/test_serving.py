"""What every stack does with predictors and tasks: which end when, with `--keep` and without, after what failed."""

import contextlib
import dataclasses
import itertools
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest

from acceptance.errors import AcceptanceError, ProcessDied, Unrecoverable, WaitTimeout
from acceptance.options import read_settings
from acceptance.redaction.patterns import MARK
from acceptance.redaction.redactor import Redactor
from acceptance.serving.endpoint import Endpoint, Predictor
from acceptance.serving.onnx_versions import OnnxVersions
from acceptance.serving.repository import MODEL
from acceptance.serving.served_model import ServedModel
from acceptance.stacks.local_stack import LocalStack
from acceptance.stacks.workspace import Workspace
from acceptance.training.recipes import Recipe
from acceptance.training.tracking import TrainingRun
from tests import http_server

RUN = TrainingRun("", "0", "a run", "FINISHED", Recipe("cpu", "quick", 2), {}, {})
SECRET = "plain" + "words" * 3


class Lost(AcceptanceError):
    """What went wrong while a predictor served."""


class Server:
    """Answers as a Triton whose model is on these kinds of devices; `ready` says whether it answers at all."""

    def __init__(self, *kinds: str, ready: bool = True) -> None:
        self.kinds, self.ready = kinds, ready

    @contextlib.contextmanager
    def running(self) -> Iterator[str]:
        server = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                groups = ", ".join(f'{{"kind": "{kind}"}}' for kind in server.kinds)
                self.send_response(200 if server.ready else 503)
                self.end_headers()
                if not self.path.endswith("/ready"):  # Triton says that without a word
                    self.wfile.write(f'{{"instance_group": [{groups}]}}'.encode())

        with http_server.answering(Handler) as address:
            yield address


class MadeUpStack(LocalStack):
    """Starts predictors that all answer at one address, and notes what becomes of them."""

    ready_seconds = 0.3

    def __init__(self, settings, workspace, http):
        super().__init__(settings, workspace, lambda text: None)
        self.http, self.done, self.died, self.stuck = http, [], "", ""
        self.newest_onnx = None

    def check(self):
        if self.died:
            raise ProcessDied(self.died)

    def onnx_limits(self):
        return self.newest_onnx

    def start_mlflow(self):
        self.done.append("MLflow started")
        return "http://mlflow"

    def run_server_check(self, server, variables):
        raise AssertionError("there is no server of the user's")

    def start_predictor(self, name, run, device):
        def stop():
            self.done.append(f"{name} stopped")
            if self.stuck:
                raise AcceptanceError(self.stuck)

        endpoint = Endpoint(name, self.http, "", "", MODEL, device, run)
        gone = f"{name} gone"
        return Predictor(
            endpoint,
            read_log=lambda: f"{name} says {SECRET}",
            read_model=lambda: ServedModel("5e", f"{name}'s folder"),
            stop=stop,
            wait_gone=lambda: self.done.append(gone),
        )

    def attack(self, endpoint, plan, progress):
        raise AssertionError("nobody sends a load")


@pytest.fixture
def stack_of(tmp_path):
    """Make a stack, with `--keep` or without, whose predictors are that server."""
    with contextlib.ExitStack() as running:

        def make(server: Server, keep: bool = False) -> MadeUpStack:
            settings = read_settings({"keep": keep}, ["embedded"], {})
            workspace = Workspace(tmp_path, tmp_path, Redactor([SECRET]))
            return MadeUpStack(settings, workspace, running.enter_context(server.running()))

        yield make


ON_CPU, ON_GPU = Server("KIND_CPU"), Server("KIND_GPU")


@pytest.mark.parametrize(("keep", "left"), [(False, []), (True, ["triton-cpu-1"])])
def test_a_predictor_ends_with_its_context_unless_it_is_to_be_kept(stack_of, keep, left):
    stack = stack_of(ON_CPU, keep)
    with stack.serve(RUN, "cpu") as endpoint:
        assert (endpoint.device, endpoint.run) == ("cpu", RUN)
        assert stack.endpoints() == [endpoint]
        assert stack.done == []
    assert stack.done == ([] if keep else ["triton-cpu-1 stopped", "triton-cpu-1 gone"])
    # what is said to be kept is there
    assert [one.name for one in stack.endpoints()] == left
    assert [endpoint.infer_url in line for line in stack.addresses()] == [True] * len(left)


def test_a_model_that_is_too_new_for_the_server_is_not_deployed(stack_of):
    stack = stack_of(ON_CPU)
    stack.newest_onnx = OnnxVersions(9, 16)
    run = dataclasses.replace(RUN, parameters={"onnx_ir_version": "9", "onnx_opset": "17"})
    with pytest.raises(AcceptanceError, match="opset 17, and the ONNX Runtime of Triton takes IR version 9, opset 16"):
        stack.serve(run, "cpu").__enter__()
    assert (stack.endpoints(), stack.done) == ([], [])


@pytest.mark.parametrize(
    ("device", "keep", "error", "done"),
    [
        ("cpu", False, Lost, ["stopped", "gone"]),
        ("gpu", False, Lost, ["stopped", "gone"]),
        ("cpu", True, Lost, []),
        # nobody else would free the GPU, which the next one needs
        ("gpu", True, Lost, ["stopped", "gone"]),
        ("gpu", True, ValueError, ["stopped", "gone"]),
        # nobody comes after an interrupt, so nobody waits for the GPU
        ("cpu", False, KeyboardInterrupt, ["stopped"]),
        ("gpu", False, KeyboardInterrupt, ["stopped"]),
        ("gpu", True, KeyboardInterrupt, []),
    ],
)
def test_what_becomes_of_a_predictor_after_a_failure_or_an_interrupt(stack_of, device, keep, error, done):
    stack = stack_of(ON_GPU if device == "gpu" else ON_CPU, keep)
    with pytest.raises(error), stack.serve(RUN, device):
        raise error("as it happened")
    assert stack.done == [f"triton-{device}-1 {what}" for what in done]
    assert bool(stack.endpoints()) == (not done)


@pytest.mark.parametrize("error", [Lost, KeyboardInterrupt])
def test_a_predictor_that_cannot_be_stopped_does_not_hide_what_failed(stack_of, error):
    stack = stack_of(ON_GPU)
    stack.stuck = "the API server is gone"
    with pytest.raises(error), stack.serve(RUN, "gpu"):
        raise error("as it happened")
    assert stack.done == ["triton-gpu-1 stopped"]


def test_a_predictor_that_does_not_get_ready_is_stopped(stack_of):
    stack = stack_of(Server(ready=False))
    with pytest.raises(WaitTimeout, match=r"the CPU predictor at .*HTTP 503"), stack.serve(RUN, "cpu"):
        raise AssertionError("it was never ready")
    assert stack.done == ["triton-cpu-1 stopped", "triton-cpu-1 gone"]


def test_a_model_on_another_device_than_was_asked_for_is_no_predictor(stack_of):
    stack = stack_of(ON_CPU)
    with pytest.raises(Unrecoverable, match=r"KIND_CPU.*asked for is gpu"), stack.serve(RUN, "gpu"):
        raise AssertionError("it was on the CPU")
    assert stack.endpoints() == []


def test_a_death_ends_the_wait_for_a_predictor_at_once(stack_of):
    stack = stack_of(Server(ready=False))
    stack.died = "triton-cpu-1 exited with 1"
    with pytest.raises(ProcessDied, match="exited with 1"), stack.serve(RUN, "cpu"):
        raise AssertionError("it was never ready")


@pytest.mark.parametrize("keep", [False, True])
def test_a_predictor_that_holds_the_gpu_ends_when_another_needs_it_and_ends_once(stack_of, keep):
    stack = stack_of(ON_GPU, keep)
    with stack.serve(RUN, "gpu") as endpoint:
        stack.stop_serving(endpoint)
        stack.stop_serving(endpoint)
        assert stack.done == ["triton-gpu-1 stopped", "triton-gpu-1 gone"]
        assert stack.endpoints() == []
    assert stack.done == ["triton-gpu-1 stopped", "triton-gpu-1 gone"]


def test_a_servers_log_is_read_without_secrets_as_long_as_it_is_up(stack_of, tmp_path):
    stack = stack_of(ON_CPU)
    with stack.serve(RUN, "cpu") as endpoint:
        assert stack.server_log(endpoint) == f"triton-cpu-1 says {MARK}"
    with pytest.raises(AcceptanceError) as error:
        stack.server_log(endpoint)
    assert str(endpoint) in str(error.value)
    assert str(tmp_path) in str(error.value)


def test_predictors_on_both_devices_have_names_of_their_own(stack_of):
    stack = stack_of(ON_CPU)
    with stack.serve(RUN, "cpu") as first, stack.serve(RUN, "cpu") as second:
        assert [one.name for one in stack.endpoints()] == [first.name, second.name]
        stack.stop_serving(first)
        assert stack.endpoints() == [second]


def test_mlflow_is_started_once_at_first_use(stack_of):
    stack = stack_of(Server())
    assert stack.done == []
    assert [stack.mlflow() for _ in range(2)] == ["http://mlflow"] * 2
    assert stack.done == ["MLflow started"]


class Task:
    """A task that has ended, with the code, when it is looked at so many times."""

    name, log = "the load", Path("the load.log")

    def __init__(self, looks, code=0):
        self.looks, self.code, self.seen = looks, code, 0

    def exit_code(self):
        self.seen += 1
        return self.code if self.seen >= self.looks else None


def test_a_task_is_looked_at_often_and_its_progress_asked_for_once_a_second(stack_of):
    """Each question is one more request to a server under load."""
    asked, task, started = itertools.count(), Task(10), time.monotonic()
    stack_of(ON_CPU).wait_for_end(task, lambda: None, lambda: f"asked {next(asked)} times before", 60)
    assert task.seen == 10
    assert 1 <= next(asked) <= 1 + time.monotonic() - started


def test_a_task_that_failed_is_named_when_it_is_next_looked_at(stack_of):
    def check_others():
        if task.seen >= task.looks:
            raise ProcessDied("the load exited with 3")

    task = Task(3, 3)
    with pytest.raises(ProcessDied, match="exited with 3"):
        stack_of(ON_CPU).wait_for_end(task, check_others, None, 60)
    assert task.seen == 3
