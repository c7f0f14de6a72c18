"""A stack that is made up, for contract tests of what this machine can't have: pods and a GPU.

Loaded with `-p`; the environment variable FAKE_STACK holds JSON that overrides what it says.
"""

import contextlib
import dataclasses
import http.server
import json
import os
import re
import signal
import sys
import threading

import numpy as np

from acceptance.errors import AcceptanceError, Problem, ProcessDied, WaitTimeout, listed
from acceptance.gpu.nvidia_smi import Gpu
from acceptance.kserve.service import InferenceService
from acceptance.kserve.web_app import WebApp, ask_web_app
from acceptance.load.result import SAMPLED, LoadResult
from acceptance.load.rollout import Rollout
from acceptance.serving.endpoint import Endpoint
from acceptance.serving.gateway import Gateway
from acceptance.serving.inference import Answer
from acceptance.serving.served_model import ServedModel
from acceptance.stacks.protocol import HasKServe, HasPods, HasWorkflows, TargetFacts
from acceptance.stacks.targets import Target
from acceptance.training.tracking import EXPERIMENT, TrainingRun
from acceptance.workflows.model import Codeset, Workflow
from acceptance.workflows.walk import Walk
from tests import http_server
from tests.contract import fake_node
from tests.made_up_workflows import MadeUp


def raise_between_lines():
    """Raise as a signal does that strikes at an instruction of no line's."""
    raise KeyboardInterrupt


raise_between_lines.__code__ = raise_between_lines.__code__.replace(co_linetable=b"")


class NothingIsDrawn:
    """Keeps matplotlib from being imported, which takes a fifth of a run's time."""

    @staticmethod
    def find_spec(name, path=None, target=None):
        if name == "matplotlib":
            raise ModuleNotFoundError("nothing is drawn")


if os.environ.get("FAKE_STACK_DRAWS") == "no":
    sys.meta_path.insert(0, NothingIsDrawn)
# of the model's file
SHA_256 = "5e" * 32
SAYS = {
    "gpu": "NVIDIA Made-Up",
    "reason": "",
    "pod_phase": "Succeeded",
    "pod_log": "[Vector addition of 50000 elements]\nTest PASSED\nDone",
    "training_accuracy": 0.964,
    "epochs_missed": 0,
    "training_use": 42.0,
    # of another GPU that the trainer sees
    "neighbour_use": 0.0,
    "gpu_epoch_seconds": 0.5,
    "gpu_experiment": "1",
    "devices": "CPU,GPU:NVIDIA Made-Up",
    "cpu_ms": 7.2,
    "gpu_ms": 2.7,
    "gpu_p99_ms": 10.5,
    "gpu_failures": 0,
    "gpu_rate": 1.0,
    # the share of the rate at which each load on the CPU is sent in turn, and the ones after these at the whole
    "cpu_rates": [],
    "gpu_serves": "made-up",
    "served_sha256": SHA_256,
    # "": the run has no object store
    "stored_sha256": "",
    # why KServe does not call its service ready, and where it has the model from
    "service_waits": "",
    # the gateway of the CPU predictor, as the arguments of one, or why there is none
    "way": "KServe makes no routes",
    "service_source": "s3://made/up/models/triton-cpu",
    # why there is no models web app to ask, and what one answers: a status, a type and a body
    "no_web_app": "",
    "web_app_answers": [200, "application/json", '{"inferenceServices": []}'],
    # how much larger than the version before's the logits are while a new one takes over, one answer after the other
    "rollout_shifts": [0, 0, 1, 1],
    "rollout_failures": 0,
    "kept_alive_lost": 0,
    # why KServe stops nothing, what is left of a predictor that it stopped, or that was deleted, and how much larger
    # the logits are once it is resumed
    "cannot_stop": "",
    "left": [],
    "resumed_shift": 0.0,
    # whether the CPU predictor answers gRPC
    "grpc": True,
    # the class that the GPU predictor answers under load
    "gpu_answer": 4,
    # the GPU's utilisation under each device's loads, or None where Triton does not know the GPU
    "gpu_use": {"cpu": 0.0, "gpu": 0.35},
    "held_out_accuracy": 0.69,
    # of the second recipe
    "beyond_accuracy": 0.961,
    "beyond_seconds": 240.0,
    "died": "",
    # the trainer's last words, on the CPU
    "trainer_died": "",
    # what the wait for it says, where its time is up
    "trainer_waits": "",
    "bug": False,
    # what happens while the load is sent: "interrupt", "kill", "fill the disk"; or "hang", and again at the end
    "happens": "",
    "log": "",
    # all that is wrong at the run's beginning
    "wrong": [],
    # a workflow's runs, one state after the other, and why they fail; whether it stays assigned, and goes when it is
    # deleted; a file of the codeset's that doesn't arrive
    "workflow_states": ["Running", "Succeeded"],
    "workflow_why": "    task trainer, step trainer ended with exit code 3: no GPU",
    "workflow_stays": False,
    "workflow_goes": True,
    "lost_file": "",
}


def logits_of(index):
    return np.eye(10, dtype=np.float32)[[index]]


def answer_of(logits):
    output = {"name": "dense_1", "shape": [1, 10], "datatype": "FP32", "data": logits.ravel().tolist()}
    return json.dumps({"outputs": [output]})


class MadeUpRun(TrainingRun):
    def download_reference(self, directory):
        raise AcceptanceError(f"{self}: MLflow is made up and has no reference")

    def onnx_logits(self, pixels, directory):
        return logits_of(4)


# so often that the first answer, which may be of the load before, is outvoted
ASKS = 4


class FakeMetrics(http.server.ThreadingHTTPServer):
    """Triton's metrics as far as they are about the GPU; `device` says whose load runs."""

    def __init__(self, text, uses):
        super().__init__(("127.0.0.1", 0), FakeMetricsHandler)
        self.text, self.uses, self.device = text, uses, "cpu"
        self.asked = threading.Semaphore(0)


class FakeMetricsHandler(http.server.BaseHTTPRequestHandler):
    server: FakeMetrics

    def do_GET(self):
        use = self.server.uses[self.server.device]
        shown = "" if use is None else rf"\1 {use}\n"
        text = re.sub(r"(nv_gpu_utilization\S+) \S+\n", shown, self.server.text, count=1)
        self.send_response(200)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text.encode())
        self.server.asked.release()

    def log_message(self, *arguments):
        pass


def overrides():
    """Return what the environment has a made-up stack say instead."""
    return json.loads(os.environ.get("FAKE_STACK", "{}"))


def pytest_acceptance_targets():
    """Put the made-up stack in the embedded one's place; with `has_pods` false it says that it has none."""
    able = (HasPods, HasKServe, HasWorkflows) if overrides().get("has_pods", True) else ()
    made_up = Target(lambda: FakeStack, able)
    # the options of clusters are for targets of that name
    return {"embedded": made_up, "existing": made_up}


class FakeWorkflows(MadeUp):
    """Fail each run of the workflow that is wrong."""

    def runs(self, workflow, codeset):
        found = super().runs(workflow, codeset)
        return [dataclasses.replace(one, state="Failed") for one in found] if workflow == "wrong" else found

    def unassign(self, workflow, codeset):
        if workflow != "wrong":
            super().unassign(workflow, codeset)


class FakeApplication(Endpoint):
    def post(self, body):
        return Answer(200, answer_of(logits_of(4)))


class FakeStack(fake_node.FakeNode):
    """Answers at once what it is told to."""

    def __init__(self, settings, workspace, say):
        self.says = {**SAYS, **fake_node.SAYS, **overrides()}
        self.kserve, self.shift, self.replicas = settings.kserve, 0.0, "one replica"
        self.logs, self.directory, self.up = workspace.logs, workspace.directory, set()
        self.cpu_rates = iter(self.says["cpu_rates"])
        self.metrics = FakeMetrics(self.says["metrics"], self.says["gpu_use"])

    def __enter__(self):
        threading.Thread(target=self.metrics.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def hang(self, where):
        """Tell by a log that it hangs, until a signal comes."""
        (self.logs / f"{where}.log").touch()
        threading.Event().wait(60)

    def __exit__(self, *error):
        if self.says["happens"] == "hang":
            self.hang("ending")
        self.metrics.shutdown()
        self.metrics.server_close()

    def gpu(self):
        return Problem(self.says["reason"]) if self.says["reason"] else Gpu(self.says["gpu"], "550.1")

    def look_ahead(self, parts):
        words = sorted(f"{part.component} {part.device}" for part in parts)
        (self.logs / "parts.log").write_text("\n".join(words))
        if self.says["wrong"]:
            raise AcceptanceError(listed([Problem(what, "put it right") for what in self.says["wrong"]]))

    def run_pod(self, manifest, node=""):
        return self.probe(manifest.parent.name, self.says["pod_phase"])

    def train(self, recipe, dataset):
        with self.holding("the trainer") if recipe.device == "gpu" else contextlib.nullcontext():
            return self.trained(recipe)

    def trained(self, recipe):
        if self.says["trainer_died"] and recipe.device == "cpu":
            raise ProcessDied(self.says["trainer_died"])
        if self.says["trainer_waits"]:
            raise WaitTimeout(self.says["trainer_waits"])
        if self.says["bug"]:
            recipe.no_such_thing()
        epochs = recipe.epochs - self.says["epochs_missed"]
        metrics = {name: [0.5] * epochs for name in ("loss", "val_loss")} | {"epoch_seconds": [5.0] * epochs}
        gpu = recipe.device == "gpu"
        if gpu:
            metrics["epoch_seconds"] = [self.says["gpu_epoch_seconds"]] * epochs
            if self.says["training_use"] is not None:
                metrics["system/gpu_0_utilization_percentage"] = [0.0] + [self.says["training_use"]] * 9
                metrics["system/gpu_1_utilization_percentage"] = [self.says["neighbour_use"]] * 10
        beyond = recipe.entry_point == "beyond"
        metrics["val_accuracy"] = [self.says["beyond_accuracy" if beyond else "held_out_accuracy"]] * epochs
        return MadeUpRun(
            tracking_uri=f"sqlite:///{self.directory}/mlflow.db",  # none of the user's
            run_id="made-up",
            name=EXPERIMENT,
            status="FINISHED",
            experiment=self.says["gpu_experiment"] if gpu else "1",
            recipe=recipe,
            parameters={"devices": self.says["devices"], "onnx_sha256": SHA_256},
            seconds=self.says["beyond_seconds"] if beyond else 0.0,
            metrics={**metrics, "accuracy": [self.says["training_accuracy"]] * epochs},
        )

    @contextlib.contextmanager
    def serve(self, run, device):
        with self.predictor(run, device) as endpoint:
            self.up.add(endpoint.name)
            try:
                yield endpoint
            finally:
                self.up.discard(endpoint.name)

    @contextlib.contextmanager
    def predictor(self, run, device):
        nowhere, metrics = "127.0.0.1:9", f"127.0.0.1:{self.metrics.server_port}"
        if device == "cpu":
            with self.server() if self.kserve else contextlib.nullcontext(nowhere) as http:
                grpc = nowhere if self.says["grpc"] else ""
                way = self.says["way"] if isinstance(self.says["way"], str) else Gateway(**self.says["way"])
                yield Endpoint("triton-cpu", http, grpc, metrics, "cifar10", device, run, way=way)
            return
        run = dataclasses.replace(run, run_id=self.says["gpu_serves"])
        with self.holding("the GPU predictor"), self.server() as http:
            yield Endpoint("triton-gpu", http, nowhere, metrics, "cifar10", device, run, metrics_seconds=0.04)

    @contextlib.contextmanager
    def walk(self, recipe, dataset):
        made_up, folder = FakeWorkflows(self.says["workflow_states"]), self.directory / f"codeset-{recipe.device}"
        made_up.why, made_up.deletes = self.says["workflow_why"], self.says["workflow_goes"]
        made_up.stays_assigned = self.says["workflow_stays"]
        folder.mkdir()
        if self.says["lost_file"]:
            (folder / self.says["lost_file"]).touch()
        seconds = {"poll": 0.01, "least_quiet": 0.05, "new_run_seconds": 0.2}
        holding = self.holding("the GPU's workflow") if recipe.device == "gpu" else contextlib.nullcontext()
        with holding:
            walk = Walk(made_up, Workflow("w", ""), Codeset("own", "images"), folder, lambda text: None, 5, **seconds)
            yield walk
            walk.close()

    def wrong_workflow(self):
        return Workflow("wrong", "")

    def tracked_by(self, application, recipe):
        return self.trained(recipe)

    @contextlib.contextmanager
    def serve_application(self, application, run):
        with self.server() as http:
            self.up.add(application.name)
            yield FakeApplication(application.name, http, "", "", "cifar10", run.recipe.device, run)

    def served_model(self, endpoint):
        if endpoint.name not in self.up:
            raise AcceptanceError(f"{endpoint} has stopped")
        return ServedModel(self.says["served_sha256"], "the made-up repository")

    def onnx_limits(self):
        return None

    def stored_model(self, endpoint):
        return ServedModel(self.says["stored_sha256"], "s3://made-up") if self.says["stored_sha256"] else None

    def inference_service(self, endpoint):
        says = self.says
        return InferenceService(endpoint.name, says["service_source"], "made-up", "Standard", says["service_waits"])

    def shown_by_web_app(self, endpoint):
        if self.says["no_web_app"]:
            return Problem(self.says["no_web_app"])
        code, kind, body = self.says["web_app_answers"]
        app = WebApp("kubectl", "kubeflow", "kserve-models-web-app", 80, 5000, "app=it")
        with http_server.answering(http_server.saying(body.encode(), code, kind)) as address:
            return ask_web_app(app, address, "ci", "made-up", endpoint.name)

    def cannot_stop(self):
        return self.says["cannot_stop"]

    def pause(self, endpoint):
        return self.says["left"]

    def resume(self, endpoint):
        self.shift = self.says["resumed_shift"]

    def remove(self, endpoint):
        return self.says["left"]

    def scale(self, endpoint, replicas):
        self.replicas = {1: "one replica", 2: "two replicas"}[replicas]

    def roll_out(self, endpoint, bias, judged, beside):
        def load(plan, lost, answers=(), first=0):
            count = plan.requests
            codes = np.full(count, 200)
            codes[first : first + lost] = 503
            return LoadResult(
                plan, np.arange(count) / plan.rate, np.full(count, 0.003), codes, [""] * count, answers=answers
            )

        shifts = [bias - 1 + shift for shift in self.says["rollout_shifts"]]
        answers = tuple(answer_of(logits_of(4) + shift) for shift in shifts)
        return Rollout(
            load(judged, self.says["rollout_failures"], answers, first=judged.requests // 2),
            load(beside, self.says["kept_alive_lost"]),
            bias,
            f"made up, {self.replicas}",
        )

    def send_load(self, endpoint, plan):
        self.metrics.device, self.metrics.asked = endpoint.device, threading.Semaphore(0)
        for _ in range(ASKS):
            if not self.metrics.asked.acquire(timeout=0.5):  # nobody asks during a warm-up or the CPU's own load
                break
        if self.says["happens"] == "hang":
            self.hang("load")
        if self.says["happens"] == "interrupt":
            raise KeyboardInterrupt
        if self.says["happens"] == "interrupt between two lines":
            raise_between_lines()
        if self.says["happens"] == "kill":
            os.kill(os.getpid(), signal.SIGKILL)
        if self.says["happens"] == "fill the disk":
            with contextlib.suppress(OSError), (self.logs.parent / "large.bin").open("wb") as large:
                while large.write(bytes(1 << 16)):
                    large.flush()
        count = plan.requests
        waited = np.full(count, self.says[f"{endpoint.device}_ms"] / 1000)
        codes = np.full(count, 200)
        if endpoint.device == "gpu":
            waited[: count // 50] = self.says["gpu_p99_ms"] / 1000
            codes[: self.says["gpu_failures"]] = 503
        else:
            waited[: count // 50] = 0.2056
        rate = plan.rate * (self.says["gpu_rate"] if endpoint.device == "gpu" else next(self.cpu_rates, 1))
        index = self.says["gpu_answer"] if endpoint.device == "gpu" else 4
        answers = (answer_of(logits_of(index)),) * (count // SAMPLED)
        return LoadResult(plan, np.arange(count) / rate, waited, codes, [""] * count, answers=answers)

    @classmethod
    def missing(cls, settings, chosen):
        return []

    @staticmethod
    def problems(settings):
        return []

    @staticmethod
    def describe(settings):
        return "nowhere: it is made up"

    def save_evidence(self):
        if self.says["log"]:
            (self.logs / "made-up.log").write_text(self.says["log"])

    def facts(self):
        return TargetFacts({"Made-Up": "1.0"})

    def check(self):
        if self.says["died"]:
            raise ProcessDied(self.says["died"])

    def how_to_reach(self):
        return "remove: nothing, it is made up"
