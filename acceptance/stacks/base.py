"""What all stacks do alike: serving, measured loads, and waiting for what runs."""

import contextlib
import itertools
from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence, Set
from typing import ClassVar

from acceptance.errors import AcceptanceError, Problem
from acceptance.files import write_whole
from acceptance.health import Answering
from acceptance.load.measured import Progress, measured_load
from acceptance.load.result import LoadPlan, LoadResult
from acceptance.serving import inference
from acceptance.serving.endpoint import Endpoint, Predictor, not_ready
from acceptance.serving.onnx_versions import OnnxVersions, model_versions, refuse_too_new
from acceptance.serving.served_model import ServedModel
from acceptance.settings import Settings
from acceptance.stacks.protocol import Part, Say, TargetFacts
from acceptance.stacks.run_store import RunStore
from acceptance.stacks.workspace import Workspace
from acceptance.training import server_verdict
from acceptance.training.recipes import Recipe
from acceptance.training.server import UsersServer, users_server
from acceptance.training.tracking import EXPERIMENT, TrainingRun, read_run
from acceptance.waiting import Ready, wait_until

# the parts that need a trained model, or are a training
TRAINED = ("training", "triton", "load")


class BaseStack(ABC):
    """A stack that serves and loads; what starts a server, and what sends a load, each target has its own way for."""

    ready_seconds: ClassVar[float]
    """How long a predictor may take until it answers."""

    def __init__(self, settings: Settings, workspace: Workspace, say: Say) -> None:
        self.settings, self.workspace, self.say = settings, workspace, say
        self.numbers = itertools.count(1)
        self.tracking_uri = ""
        # the user's tracking server, where the run has one
        self.server = users_server(settings)
        if self.server:
            workspace.redactor.add_variables(self.server.variables)
        # the user's object store, where the run has one
        self.store: RunStore | None = None
        # those that are up, by their names
        self.predictors: dict[str, Predictor] = {}

    @classmethod
    def missing(cls, settings: Settings, chosen: Sequence[Collection[str]]) -> list[Problem]:
        return []

    def look_ahead(self, parts: Set[Part]) -> None:
        """Raise AcceptanceError with all that keeps the parts from being started, as far as that can be told."""
        return

    def facts(self) -> TargetFacts:
        return TargetFacts()

    @abstractmethod
    def check(self) -> None:
        """Raise ProcessDied, or the like, when something died that should run."""

    @abstractmethod
    def start_mlflow(self) -> str:
        """Start the run's MLflow; return its URI, as it is reached from here."""

    @abstractmethod
    def run_server_check(self, server: UsersServer, variables: Mapping[str, str]) -> tuple[str, str]:
        """Run the check of the user's tracking server as the trainer will run; return what it said, and where it ran.

        `variables`: what it has besides those of the trainer.
        """

    @abstractmethod
    def start_predictor(self, name: str, run: TrainingRun, device: str) -> Predictor:
        """Start a server of the run's model; where it can't be started, nothing is left of it."""

    @abstractmethod
    def onnx_limits(self) -> OnnxVersions | None:
        """Return how new a model the ONNX Runtime of Triton takes, None where that can't be told."""

    @abstractmethod
    def attack(self, endpoint: Endpoint, plan: LoadPlan, progress: Progress) -> LoadResult:
        """Send the plan's requests to their end, with the progress on the terminal."""

    # --- tracking

    def mlflow(self) -> str:
        """Return the URI of the run's MLflow, which is started at first use."""
        if not self.tracking_uri:
            self.tracking_uri = self.start_mlflow()
        return self.tracking_uri

    def tracking(self) -> str:
        """Return the URI of the server that the trainer tracks on: the user's, or the run's own."""
        return self.server.uri if self.server else self.mlflow()

    def try_server(self, parts: Set[Part]) -> None:
        """Do on the user's server, where there is one, what a training will; raises with the cause of what fails."""
        if not self.server or not any(part.component in TRAINED for part in parts):
            return
        self.say(f"trying out {self.server}")
        said, where = self.run_server_check(self.server, server_verdict.variables(self.server))
        server_verdict.judge(self.server, server_verdict.read_verdict(said), where)

    def mlflow_answering(self) -> Answering:
        """Return what tells that MLflow is silent during a training: the trainer itself would wait for minutes."""
        return self.server.answering() if self.server else Answering("MLflow", f"{self.tracking_uri}/health")

    def training_name(self, recipe: Recipe) -> str:
        """Return a name for the next training by the recipe, such as `cpu-quick-1`; no other run has it."""
        name = f"{recipe.device}-{recipe.profile}-{next(self.numbers)}"
        return f"{name}-{self.server.run}" if self.server else name

    def tracked_run(self, name: str, recipe: Recipe) -> TrainingRun:
        within = self.server.experiment if self.server else EXPERIMENT
        return read_run(self.tracking(), name, recipe, within=within)

    # --- serving

    @contextlib.contextmanager
    def serve(self, run: TrainingRun, device: str) -> Iterator[Endpoint]:
        """Serve the run's model on the device ("cpu" or "gpu"); with `--keep` it is served on."""
        refuse_too_new(model_versions(run), self.onnx_limits())
        predictor = self.start_predictor(self.predictor_name(device), run, device)
        endpoint = predictor.endpoint
        self.predictors[endpoint.name] = predictor
        try:
            self.wait_until_ready(endpoint)
            yield endpoint
        except Exception:
            # with --keep too, where it is on the GPU: nobody else would free that
            if not self.settings.keep or device == "gpu":
                with contextlib.suppress(AcceptanceError):  # what failed is worth more
                    self.stop_serving(endpoint)
            raise
        except BaseException:  # an interrupt: nobody waits for the GPU any more
            if not self.settings.keep:
                with contextlib.suppress(AcceptanceError):
                    self.predictors.pop(endpoint.name, predictor).stop()
            raise
        if not self.settings.keep:
            self.stop_serving(endpoint)

    def predictor_name(self, device: str) -> str:
        """Return the next predictor's name, such as `triton-cpu-3`."""
        return f"triton-{device}-{next(self.numbers)}"

    def stop_serving(self, endpoint: Endpoint) -> None:
        predictor = self.predictors.pop(endpoint.name, None)
        if predictor:
            predictor.stop()
            predictor.wait_gone()

    def server_log(self, endpoint: Endpoint) -> str:
        return self.workspace.redactor.text(self.predictor_of(endpoint).read_log())

    def served_model(self, endpoint: Endpoint) -> ServedModel:
        return self.predictor_of(endpoint).read_model()

    def stored_model(self, endpoint: Endpoint) -> ServedModel | None:
        return self.store.model(endpoint.run) if self.store else None

    def predictor_of(self, endpoint: Endpoint) -> Predictor:
        if endpoint.name not in self.predictors:
            raise AcceptanceError(f"{endpoint} has stopped; the last of its log is in {self.workspace.logs}")
        return self.predictors[endpoint.name]

    def endpoints(self) -> list[Endpoint]:
        """Return the predictors that are up."""
        return [predictor.endpoint for predictor in self.predictors.values()]

    # --- load

    def send_load(self, endpoint: Endpoint, plan: LoadPlan) -> LoadResult:
        return measured_load(endpoint, plan, lambda progress: self.attack(endpoint, plan, progress))

    # --- waiting

    def wait_for_answer(self, description: str, missing: Callable[[], str], timeout: float) -> None:
        """Wait until `missing` returns ""; gives up at once when anything of the stack has died."""

        def state() -> Ready[None] | str:
            self.check()
            return missing() or Ready(None)

        wait_until(description, state, timeout, look_at=str(self.workspace.logs))

    def wait_until_ready(self, endpoint: Endpoint) -> None:
        self.wait_for_answer(f"{endpoint} to be ready", lambda: not_ready(endpoint), self.ready_seconds)

    # --- what is left

    def save_metrics(self) -> None:
        """Write each server's metrics, as it has them now, beside the logs; one that has gone keeps its last."""
        for endpoint in self.endpoints():
            with contextlib.suppress(AcceptanceError):
                text = inference.read_metrics(endpoint.metrics)
                file = self.workspace.logs / f"triton-{endpoint.device}-metrics.txt"
                write_whole(file, self.workspace.redactor.text(text))
