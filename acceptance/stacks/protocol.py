"""What a target can do. The steps know nothing beneath this."""

import os
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from acceptance.data.dataset import Dataset
from acceptance.gpu.node import GpuNode
from acceptance.images import Pull
from acceptance.load.result import LoadPlan, LoadResult
from acceptance.redaction.redactor import Redactor
from acceptance.settings import Settings
from acceptance.training.tracking import Recipe, TrainingRun

Say = Callable[[str], None]


@dataclass(frozen=True)
class Gpu:
    """The GPU of a target: its name and driver, or why there is none."""

    name: str = ""
    driver: str = ""
    reason: str = ""
    cuda: str = ""

    @property
    def present(self) -> bool:
        return not self.reason


@dataclass(frozen=True)
class Endpoint:
    """A running predictor; the addresses are `host:port`."""

    http: str
    grpc: str
    metrics: str
    model: str
    device: str
    run: TrainingRun
    inside: str = ""
    """The HTTP address for a load generator that runs where the predictor does."""

    def __str__(self) -> str:
        return f"the {self.device.upper()} predictor at {self.http}"

    @property
    def infer_url(self) -> str:
        return f"http://{self.http}/v2/models/{self.model}/infer"

    @property
    def inside_url(self) -> str:
        return f"http://{self.inside}/v2/models/{self.model}/infer"


@dataclass(frozen=True)
class PodResult:
    """A pod that ran to its end: its phase (`Succeeded`, `Failed`) and its log."""

    name: str
    phase: str
    log: str


@dataclass(frozen=True)
class Workspace:
    """A run's own directory, removed at the end, and the folder that its processes' logs stay in."""

    directory: Path
    logs: Path
    redactor: Redactor = field(default_factory=lambda: Redactor.from_environment(os.environ))
    """What everything goes through that is written into the report's folder."""


class Stack(Protocol):
    """One target, as a context manager: everything that it starts ends with it.

    Every method raises AcceptanceError with the cause; none returns a result that it did not see.
    """

    has_pods: bool

    def __enter__(self) -> "Stack": ...

    def __exit__(self, *error: object) -> None: ...

    def gpu(self) -> Gpu:
        """Return the GPU that the target has, or why it has none."""

    def gpu_node(self) -> GpuNode:
        """Return the node that has the cluster's GPU, or should have. Only where `has_pods`."""

    def run_pod(self, manifest: Path, node: str = "") -> PodResult:
        """Run a pod to its end, on `node` where one is named. Only where `has_pods`."""

    def train(self, recipe: Recipe, dataset: Dataset) -> TrainingRun:
        """Train and track; return once MLflow has the finished run."""

    def serve(self, run: TrainingRun, device: str) -> AbstractContextManager[Endpoint]:
        """Serve the run's ONNX model on "cpu" or "gpu" until the context ends."""

    def withdraw(self, endpoint: Endpoint) -> None:
        """End a predictor before its context does, with `--keep` too: another needs its GPU."""

    def server_log(self, endpoint: Endpoint) -> str:
        """Return what the predictor's server has logged so far."""

    def send_load(self, endpoint: Endpoint, plan: LoadPlan) -> LoadResult:
        """Send the plan's requests and return every single result."""

    def check(self) -> None:
        """Raise ProcessDied, or the like, when something died that should run: it explains other errors."""

    def evidence(self) -> None:
        """Write what the target knows of what happened into the workspace's folder of logs."""

    def versions(self) -> dict[str, str]:
        """Return the versions of what the target itself is: of Kubernetes, of Docker."""

    def pulls(self) -> list[Pull]:
        """Return the images that were pulled for the run, and how long each took."""

    def how_to_reach(self) -> str:
        """Say how to reach and remove a stack that was kept."""


class Target(Protocol):
    """Makes a stack: `TARGETS` maps an option's value to one."""

    @property
    def has_pods(self) -> bool: ...

    def whereabouts(self, settings: Settings) -> str:
        """Say where a run will be and as whom; raises BadSetting where it can't be."""

    def __call__(self, settings: Settings, workspace: Workspace, say: Say) -> Stack: ...
