"""A predictor that is up: where it answers, and what runs it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from acceptance.errors import AcceptanceError, Problem, Unrecoverable
from acceptance.serving import inference
from acceptance.serving.served_model import ServedModel
from acceptance.training.tracking import TrainingRun


@dataclass(frozen=True)
class Endpoint:
    """Where a predictor answers: the name of its server, and addresses as `host:port`; `grpc` is "" without that."""

    name: str
    http: str
    grpc: str
    metrics: str
    model: str
    device: str
    run: TrainingRun
    inside: str = ""
    """The HTTP address for a load generator that runs where the predictor does."""
    metrics_seconds: float = 2.0
    """How often the server reads its GPUs for its metrics: Triton's own default."""

    def __str__(self) -> str:
        return f"the {self.device.upper()} predictor at {self.http}"

    @property
    def infer_url(self) -> str:
        return f"http://{self.http}/v2/models/{self.model}/infer"

    @property
    def inside_url(self) -> str:
        return f"http://{self.inside or self.http}/v2/models/{self.model}/infer"


@dataclass(frozen=True)
class Predictor:
    """What runs an endpoint's server: its log, the model's file that it loaded, its end, until its GPU is free."""

    endpoint: Endpoint
    read_log: Callable[[], str]
    read_model: Callable[[], ServedModel]
    stop: Callable[[], None]
    wait_gone: Callable[[], None] = lambda: None


def different_models(endpoints: Sequence[Endpoint]) -> Problem | None:
    """Say that the endpoints serve different runs' models."""
    served = {endpoint.device: endpoint.run.run_id for endpoint in endpoints}
    if len(set(served.values())) == 1:
        return None
    return Problem(f"the predictors serve different runs: {served}", "look at the servers' logs")


def not_ready(endpoint: Endpoint) -> str:
    """Return "" when the predictor is ready, else what it waits for.

    Raises Unrecoverable where its model is on another device than was asked for.
    """
    if waiting := inference.server_ready(endpoint.http, endpoint.model):
        return waiting
    try:
        groups = inference.model_config(endpoint.http, endpoint.model)["instance_group"]
    except Unrecoverable:
        raise
    except AcceptanceError as error:  # it died since, and who waits finds that out
        return str(error)
    kinds = {group["kind"] for group in groups}
    if kinds != {f"KIND_{endpoint.device.upper()}"}:
        raise Unrecoverable(f"{endpoint}: its instance group is {kinds}; the device asked for is {endpoint.device}")
    return ""
