"""What every stack can do, and what only some can besides: the fixtures and steps know nothing beneath this."""

from collections.abc import Callable, Collection, Sequence, Set
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol, Self, runtime_checkable

from acceptance.data.dataset import Dataset
from acceptance.docker.engine import Engine
from acceptance.errors import Problem
from acceptance.gpu.node import GpuNode
from acceptance.gpu.nvidia_smi import Gpu
from acceptance.images import Pull
from acceptance.kserve.service import InferenceService
from acceptance.kserve.web_app import Shown
from acceptance.load.result import LoadPlan, LoadResult
from acceptance.load.rollout import Rollout
from acceptance.serving.endpoint import Endpoint
from acceptance.serving.onnx_versions import OnnxVersions
from acceptance.serving.served_model import ServedModel
from acceptance.settings import Settings
from acceptance.stacks.workspace import Workspace
from acceptance.training.recipes import Recipe
from acceptance.training.tracking import TrainingRun
from acceptance.workflows.model import Application, Workflow
from acceptance.workflows.walk import Walk

Say = Callable[[str], None]
"""Shows the progress of what takes long."""


@dataclass(frozen=True)
class TargetFacts:
    """What a target itself is: its programs' versions by their names, and the images that were pulled for the run."""

    versions: dict[str, str] = field(default_factory=dict)
    pulls: list[Pull] = field(default_factory=list)


@dataclass(frozen=True)
class PodResult:
    """A pod that ran to its end: its phase (`Succeeded`, `Failed`) and its log."""

    name: str
    phase: str
    log: str


@dataclass(frozen=True)
class Part:
    """What a scenario has a stack start: a component of manifests/, for a device."""

    component: str
    device: str = "cpu"


class Stack(Protocol):
    """One target, as a context manager: everything that it starts ends with it.

    Every method raises AcceptanceError with the cause; none returns a result that it did not see.
    """

    def __init__(self, settings: Settings, workspace: Workspace, say: Say) -> None: ...

    @staticmethod
    def problems(settings: Settings) -> list[Problem]:
        """Return why a run can't be there; starts nothing."""

    @classmethod
    def missing(cls, settings: Settings, chosen: Sequence[Collection[str]]) -> list[Problem]:
        """Return what scenarios with these tags will need and a run can't have, images above all; starts nothing."""

    @staticmethod
    def describe(settings: Settings) -> str:
        """Say where a run will be and as whom; only where it has no problems."""

    def __enter__(self) -> Self: ...

    def __exit__(self, *error: object) -> None: ...

    def look_ahead(self, parts: Set[Part]) -> None:
        """Raise AcceptanceError with all that keeps the parts from being started; called once, before anything is."""

    def gpu(self) -> Gpu | Problem:
        """Return the GPU that the target has, or why it has none."""

    def train(self, recipe: Recipe, dataset: Dataset) -> TrainingRun:
        """Train and track; return once MLflow has the finished run."""

    def serve(self, run: TrainingRun, device: str) -> AbstractContextManager[Endpoint]:
        """Serve the run's ONNX model on "cpu" or "gpu" until the context ends."""

    def stop_serving(self, endpoint: Endpoint) -> None:
        """Stop a predictor, if it is up, before its context ends, with `--keep` too: another needs its GPU."""

    def server_log(self, endpoint: Endpoint) -> str:
        """Return what the predictor's server has logged so far, without secrets."""

    def served_model(self, endpoint: Endpoint) -> ServedModel:
        """Return the model's file as it lies in the folder that the predictor's server loaded."""

    def stored_model(self, endpoint: Endpoint) -> ServedModel | None:
        """Return the predictor's model as the object store has it, None on a run without one."""

    def onnx_limits(self) -> OnnxVersions | None:
        """Return how new a model the ONNX Runtime of Triton takes, None where that can't be told."""

    def send_load(self, endpoint: Endpoint, plan: LoadPlan) -> LoadResult:
        """Send the plan's requests and return every single result."""

    def check(self) -> None:
        """Raise ProcessDied, or the like, when something died that should run: it explains other errors."""

    def save_evidence(self) -> None:
        """Write what the target knows of what happened into the workspace's folder of logs."""

    def facts(self) -> TargetFacts:
        """Return what the target itself is."""

    def how_to_reach(self) -> str:
        """Say how to reach and remove a stack that was kept."""


# --- what only some stacks can


@runtime_checkable
class HasPods(Protocol):
    """A stack on Kubernetes."""

    def run_pod(self, manifest: Path, node: str = "") -> PodResult:
        """Run a pod to its end, on `node` where one is named."""

    def gpu_node(self) -> GpuNode:
        """Return the node that has the cluster's GPU, or should have."""


@runtime_checkable
class HasDocker(Protocol):
    """A stack on a Docker daemon."""

    def docker_engine(self) -> Engine:
        """Return the run's engine."""


@runtime_checkable
class HasKServe(Protocol):
    """A stack whose predictors KServe makes, where a run asks for that."""

    def inference_service(self, endpoint: Endpoint) -> InferenceService:
        """Return what KServe says of the endpoint's InferenceService now."""

    def shown_by_web_app(self, endpoint: Endpoint) -> Shown | Problem:
        """Return what the cluster's models web app shows of it, or why there is none that can be asked."""

    def cannot_stop(self) -> str:
        """Return why KServe there stops no InferenceService, "" where it does."""

    def pause(self, endpoint: Endpoint) -> list[str]:
        """Have KServe stop the endpoint's InferenceService; return what serves the model 30 s later, if anything does.

        It is an InferenceService still, and the endpoint answers again once it is resumed.
        """

    def resume(self, endpoint: Endpoint) -> None:
        """Have KServe resume it; returns once the model answers."""

    def remove(self, endpoint: Endpoint) -> list[str]:
        """Delete the InferenceService; return what of it is left 30 s later in the cluster and the object store."""

    def scale(self, endpoint: Endpoint, replicas: int) -> None:
        """Have KServe keep so many pods of the endpoint's InferenceService; returns once they are ready."""

    def roll_out(self, endpoint: Endpoint, bias: float, judged: LoadPlan, beside: LoadPlan) -> Rollout:
        """Have KServe serve the endpoint's model with larger logits, by `bias`, while two loads are sent at once.

        Returns once both have ended and only pods of the new version are left.
        """


@runtime_checkable
class HasWorkflows(Protocol):
    """A stack whose model an installation's workflows train and serve, where a run asks for that."""

    def walk(self, recipe: Recipe, dataset: Dataset) -> AbstractContextManager[Walk]:
        """Return the way from a codeset of the run's own to an application; what is left of it goes with the context.

        Nothing is registered yet.
        """

    def wrong_workflow(self) -> Workflow:
        """Return a workflow with a step that can't go well, under a name of the run's own."""

    def tracked_by(self, application: Application, recipe: Recipe) -> TrainingRun:
        """Return the run whose model an application serves, as the tracking server has it."""

    def serve_application(self, application: Application, run: TrainingRun) -> AbstractContextManager[Endpoint]:
        """Return where an application answers, once it does; it does not end with the context."""
