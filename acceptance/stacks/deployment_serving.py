"""What makes a predictor in a cluster, and one way to: a Deployment of the suite's own."""

from collections.abc import Sequence
from typing import Any, ClassVar, Protocol

from acceptance.images import SITE_PACKAGES, Images
from acceptance.kubernetes import manifests
from acceptance.kubernetes.manifests import Manifest
from acceptance.kubernetes.namespace import Namespace
from acceptance.serving.gateway import Gateway
from acceptance.stacks import kubernetes_objects as objects
from acceptance.stacks.kubernetes_objects import Planned
from acceptance.training.tracking import TrainingRun


class Serving(Protocol):
    """One way to serve a run's model in the run's namespace."""

    kinds: ClassVar[Sequence[str]]
    """What a predictor is made of; all of it has the predictor's name."""
    with_pod: str
    """The kind that describes the pod, and may ask for a GPU."""
    container: str
    folder: str
    """The container of Triton, and where it has its model repository."""
    copier: str
    """The container whose log has the model's digest where nothing can be run in Triton's, "" for none."""
    ports: tuple[int, int, int]
    """Triton's, for HTTP, gRPC and metrics; 0 for one that it hasn't."""

    def prepare(self) -> None:
        """Create what no predictor's pod could be tried out without."""

    def planned(self, name: str, gpu: str) -> list[Planned]:
        """Return what a predictor will be made of, to be looked at before there is any."""

    def objects(self, name: str, run: TrainingRun, device: str) -> list[Manifest]:
        """Return what the predictor is made of; the model lies where they look for it."""

    def wait_ready(self, name: str) -> Any:
        """Return the predictor's pod once it is ready, and whatever made it says so too."""

    def inside(self, name: str) -> str:
        """Return the `host:port` at which the cluster's pods reach the predictor."""

    def delete(self, name: str) -> None:
        """Delete the predictor, and what was written for it."""

    def way(self, name: str) -> Gateway | str:
        """Return the gateway by which this machine reaches it, or why there is none: it is by port-forward then."""


class DeploymentServing:
    """A Deployment, a Service, and a ConfigMap of the model's configuration."""

    kinds: ClassVar[Sequence[str]] = objects.PREDICTOR
    with_pod, container, folder, copier = "Deployment", "triton", "/models", "model"
    ports = (8000, 8001, 8002)

    def __init__(self, namespace: Namespace, images: Images) -> None:
        self.namespace, self.images = namespace, images

    def prepare(self) -> None:
        return

    def planned(self, name: str, gpu: str) -> list[Planned]:
        found = [Planned(one, name, gpu if manifests.pod_of(one) else "") for one in manifests.read_component("triton")]
        return [*found, Planned(manifests.config_map(name, {}), name)]

    def objects(self, name: str, run: TrainingRun, device: str) -> list[Manifest]:
        return objects.predictor(name, run, device, self.images.triton_backend, SITE_PACKAGES)

    def wait_ready(self, name: str) -> Any:
        return self.namespace.waits.ready(name)

    def inside(self, name: str) -> str:
        return f"{name}:8000"

    def delete(self, name: str) -> None:
        self.namespace.delete(*self.kinds, name=name)

    def way(self, name: str) -> Gateway | str:
        return ""
