"""A stack that is made up, for contract tests of what this machine can't have: pods and a GPU.

Loaded with `-p`; the environment variable FAKE_STACK holds JSON that overrides what it says.
"""

import contextlib
import dataclasses
import json
import os
import signal

import numpy as np

from fixtures import stacks
from fixtures.stacks.base import Endpoint, Gpu
from fixtures.support.errors import ProcessDied
from fixtures.support.load import LoadResult
from fixtures.support.tracking import EXPERIMENT, TrainingRun
from tests.contract import fake_node

SAYS = {
    "gpu": "NVIDIA Made-Up",
    "reason": "",
    "pod_phase": "Succeeded",
    "pod_log": "[Vector addition of 50000 elements]\nTest PASSED\nDone",
    "training_accuracy": 0.964,
    "epochs_missed": 0,
    "devices": "CPU,GPU:NVIDIA Made-Up",
    "cpu_ms": 7.2,
    "gpu_ms": 2.7,
    "gpu_p99_ms": 10.5,
    "gpu_failures": 0,
    "gpu_rate": 1.0,
    "gpu_serves": "made-up",
    "held_out_accuracy": 0.69,
    "died": "",
    "bug": False,
    # what happens while the load is sent: "interrupt", "kill", "fill the disk"
    "happens": "",
    "log": "",
}


class FakeStack(fake_node.FakeNode):
    """Answers at once what it is told to."""

    has_pods = json.loads(os.environ.get("FAKE_STACK", "{}")).get("has_pods", True)

    def __init__(self, settings, workspace, say):
        self.says = {**SAYS, **fake_node.SAYS, **json.loads(os.environ.get("FAKE_STACK", "{}"))}
        self.logs = workspace.logs

    def __enter__(self):
        return self

    def __exit__(self, *error):
        pass

    def gpu(self):
        return Gpu(self.says["gpu"], "550.1", self.says["reason"])

    def run_pod(self, manifest):
        return self.probe(manifest.parent.name, self.says["pod_phase"])

    def train(self, recipe, dataset):
        with self.holding("the trainer") if recipe.device == "gpu" else contextlib.nullcontext():
            return self.trained(recipe)

    def trained(self, recipe):
        if self.says["bug"]:
            recipe.no_such_thing()
        epochs = recipe.epochs - self.says["epochs_missed"]
        metrics = {name: [0.5] * epochs for name in ("loss", "val_loss", "epoch_seconds")}
        metrics["val_accuracy"] = [self.says["held_out_accuracy"]] * epochs
        return TrainingRun(
            tracking_uri="",
            run_id="made-up",
            name=EXPERIMENT,
            status="FINISHED",
            recipe=recipe,
            parameters={"devices": self.says["devices"]},
            metrics={**metrics, "accuracy": [self.says["training_accuracy"]] * epochs},
        )

    @contextlib.contextmanager
    def serve(self, run, device):
        nowhere = "127.0.0.1:9"
        if device == "cpu":
            yield Endpoint(nowhere, nowhere, nowhere, "cifar10", device, run)
            return
        run = dataclasses.replace(run, run_id=self.says["gpu_serves"])
        with self.holding("the GPU predictor"), self.gpu_server() as http:
            yield Endpoint(http, nowhere, http, "cifar10", device, run)

    def send_load(self, endpoint, plan):
        if self.says["happens"] == "interrupt":
            raise KeyboardInterrupt
        if self.says["happens"] == "kill":
            os.kill(os.getpid(), signal.SIGKILL)
        if self.says["happens"] == "fill the disk":
            with contextlib.suppress(OSError), (self.logs / "large.bin").open("wb") as large:
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
        rate = plan.rate * (self.says["gpu_rate"] if endpoint.device == "gpu" else 1)
        return LoadResult(plan, np.arange(count) / rate, waited, codes, [""] * count)

    @staticmethod
    def whereabouts(settings):
        return "nowhere: it is made up"

    def evidence(self):
        if self.says["log"]:
            (self.logs / "made-up.log").write_text(self.says["log"])

    def versions(self):
        return {"Made-Up": "1.0"}

    def pulls(self):
        return []

    def check(self):
        if self.says["died"]:
            raise ProcessDied(self.says["died"])

    def how_to_reach(self):
        return "nowhere"


stacks.TARGETS["embedded"] = FakeStack
