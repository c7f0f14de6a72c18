"""A predictor that is up: where it answers, and what runs it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from acceptance.errors import AcceptanceError, Problem, Unrecoverable
from acceptance.serving import inference
from acceptance.serving.gateway import Gateway
from acceptance.serving.inference import Answer
from acceptance.serving.served_model import ServedModel
from acceptance.training.tracking import TrainingRun


@dataclass(frozen=True)
class Endpoint:
    """Where a predictor answers: the name of its server, and addresses as `host:port`.

    `grpc` and `metrics` are "" where none is reached; `http` has a path where one precedes all others there.
    """

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
    way: Gateway | str = ""
    """The gateway that requests for predictions go to; else it is the HTTP address, and this says why."""

    def __str__(self) -> str:
        return f"the {self.device.upper()} predictor at {self.http}"

    @property
    def infer_url(self) -> str:
        return inference.infer_url(self.http, self.model)

    @property
    def gateway(self) -> Gateway | None:
        return self.way if isinstance(self.way, Gateway) else None

    def post(self, body: bytes) -> Answer:
        """Send a request for predictions as it is, by the gateway where there is one."""
        return inference.post(inference.infer_url(self.http, self.model, self.gateway), body, gateway=self.gateway)

    def infer_json(self, images: np.ndarray) -> np.ndarray:
        """Return the logits [N, 10] of uint8 images by the tutorial's JSON request."""
        return self.post(inference.json_request(images)).logits()

    def infer_binary(self, pixels: np.ndarray) -> np.ndarray:
        """Return the logits [N, 10] of FP32 pixels by HTTP with the binary tensor extension."""
        return inference.infer_binary(self.http, self.model, pixels, self.gateway)

    @property
    def reached_by(self) -> str:
        """How requests for predictions reach a predictor in a cluster."""
        return str(self.gateway or f"port-forward: {self.way}".removesuffix(": "))

    @property
    def inside_url(self) -> str:
        return inference.infer_url(self.inside or self.http, self.model)


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
    """Return "" when the predictor is ready, through its gateway too where it has one, else what it waits for.

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
    return endpoint.gateway.not_ready(endpoint.model) if endpoint.gateway else ""
