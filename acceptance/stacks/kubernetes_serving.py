"""What makes a predictor in a cluster: a Deployment of the suite's own, or KServe."""

import secrets
import time
from collections.abc import Callable, Mapping, Sequence, Set
from pathlib import Path
from typing import Any, ClassVar, Protocol

from kubernetes import client

from acceptance.errors import AcceptanceError, Unrecoverable
from acceptance.images import SITE_PACKAGES, Images
from acceptance.kserve import service
from acceptance.kserve.installation import Installation
from acceptance.kserve.leftovers import left_of
from acceptance.kserve.runtime import CONTAINER, Runtime
from acceptance.kubernetes import kinds, manifests
from acceptance.kubernetes.client import SECONDS
from acceptance.kubernetes.manifests import Manifest
from acceptance.kubernetes.namespace import Namespace
from acceptance.kubernetes.view import is_ready
from acceptance.serving import repository
from acceptance.serving.endpoint import Endpoint
from acceptance.serving.other_version import with_other_bias
from acceptance.stacks import kubernetes_objects as objects
from acceptance.stacks.kubernetes_objects import Planned
from acceptance.stacks.run_store import RunStore
from acceptance.training.tracking import TrainingRun
from acceptance.waiting import Ready, wait_until

# its controller takes a second or two for each step
KSERVE_SECONDS = 30


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


class DeploymentServing:
    """A Deployment, a Service, and a ConfigMap of the model's configuration."""

    kinds: ClassVar[Sequence[str]] = objects.PREDICTOR
    with_pod, container, folder, copier = "Deployment", "triton", "/models", "model"
    ports = (8000, 8001, 8002)

    def __init__(self, namespace: Namespace, images: Images) -> None:
        self.namespace, self.images = namespace, images

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


class KServeServing:
    """An InferenceService; KServe copies the model repository from the run's object store.

    `directory`: where the repository is built before it is written to the store.
    """

    kinds: ClassVar[Sequence[str]] = ("InferenceService", "ServingRuntime")
    with_pod, container, folder, copier = "InferenceService", CONTAINER, service.MODELS, ""

    def __init__(
        self,
        namespace: Namespace,
        store: RunStore,
        runtime: Runtime,
        installation: Installation,
        images: Images,
        directory: Path,
    ) -> None:
        self.namespace, self.store, self.runtime = namespace, store, runtime
        self.installation, self.images, self.directory = installation, images, directory
        self.ports = (runtime.port("http"), runtime.port("grpc"), runtime.port("metrics"))

    def prepare(self) -> None:
        """Create the account of the predictors, without which no pod of theirs could be tried out."""
        variables = self.store.variables()
        authority = objects.AUTHORITY if "AWS_CA_BUNDLE" in variables else ""
        for manifest in service.reader(variables, authority):
            self.namespace.create(manifest)

    def planned(self, name: str, gpu: str) -> list[Planned]:
        source = self.source(first_version(name))
        made = service.inference_service(name, source, self.runtime, self.installation)
        pod = service.trial_pod(name, source, self.runtime, made[-1])
        pod["spec"]["containers"][0]["image"] = "triton"
        return [*(Planned(one, name) for one in made), Planned(pod, name, CONTAINER if gpu else "")]

    def objects(self, name: str, run: TrainingRun, device: str) -> list[Manifest]:
        version = first_version(name)
        self.write(version, run.download_model("onnx", self.directory / version / "download"), device)
        # from now on a predictor without a pod is its Deployment's fault, which KServe names so
        self.namespace.pods.owners[name] = f"{name}{service.SUFFIX}"
        return service.inference_service(name, self.source(version), self.runtime, self.installation)

    def write(self, version: str, model: Path, device: str) -> None:
        """Write the repository of an ONNX model's folder to the store; a version is a name such as `triton-cpu-1/1`."""
        models = self.directory / version / "models"
        repository.build_repository(models, model, device, self.images.triton_backend, SITE_PACKAGES)
        self.store.put_folder(models, models_of(version))

    def roll_out(self, endpoint: Endpoint, bias: float) -> None:
        """Have KServe serve the model with another output bias; its pod starts beside the one that there is."""
        version = f"{endpoint.name}/{secrets.token_hex(2)}"
        folder = endpoint.run.download_model("onnx", self.directory / version / "download")
        file = folder / repository.MODEL_FILE
        file.write_bytes(with_other_bias(file.read_bytes(), bias))
        self.write(version, folder, endpoint.device)
        self.patch(endpoint.name, {"spec": {"predictor": {"model": {"storageUri": self.source(version)}}}})

    def patch(self, name: str, changes: Manifest) -> None:
        cluster = self.namespace.cluster
        with cluster.api_errors(f"updating InferenceService {name}"), cluster.api() as api:
            kinds.patch(api, "InferenceService", name, self.namespace.name, changes)

    def not_rolled_out(self, name: str, before: Set[str]) -> str:
        """Return "" once a pod is ready that isn't one of `before`, by their uids; raises where none will be."""
        pods = self.namespace.pods
        newest = next(iter(pods.named(name)), None)
        new = newest is not None and newest.metadata.uid not in before
        if new and is_ready(newest):
            return ""
        # one that is refused is never there to be asked
        cause = pods.diagnose(newest) if new else pods.diagnose_missing(name, None)
        if cause and cause.final:
            raise Unrecoverable(f"the new version of {name}: {cause.text}")
        return cause.text if cause else f"no pod of {name}'s new version is ready yet"

    def wait_rolled_out(self, name: str, before: Set[str]) -> None:
        self.wait_until(name, "have a new version", lambda found: self.not_rolled_out(name, before))

    def source(self, version: str) -> str:
        return str(self.store.location.beneath(models_of(version)))

    # --- stopped, resumed, deleted

    def pause(self, name: str) -> list[str]:
        """Have KServe stop serving; return what still serves the model 30 s later."""
        self.patch(name, {"metadata": {"annotations": {service.STOP: "true"}}})
        self.wait_until(name, "be stopped", service.not_stopped)
        return self.left(name, but=self.kinds)

    def resume(self, name: str) -> None:
        self.patch(name, {"metadata": {"annotations": {service.STOP: "false"}}})
        self.wait_ready(name)

    def delete(self, name: str) -> None:
        self.namespace.delete(*self.kinds, name=name)
        self.store.delete_folder(models_of(name))

    def left(self, name: str, but: Sequence[str] = ()) -> list[str]:
        """Return what there is of it, `but` those kinds, in the namespace and the store as soon as it is nothing.

        What is still there after 30 s is returned.
        """
        cluster, ends = self.namespace.cluster, time.monotonic() + KSERVE_SECONDS

        def state() -> Ready[list[str]] | str:
            with cluster.api_errors(f"asking what is left of {name}"), cluster.api() as api:
                found = left_of(api, name, self.namespace.name)
            found = [one for one in found if not one.startswith(tuple(f"{kind} " for kind in but))]
            if not but:
                found += self.store.names(models_of(name))
            return Ready(found) if not found or time.monotonic() >= ends else ", ".join(found)

        return wait_until(f"{name} to leave nothing", state, KSERVE_SECONDS + SECONDS, poll=0.3)

    def wait_ready(self, name: str) -> Any:
        self.wait_until(name, "get a pod", lambda found: self.no_pod(name, found))
        pod = self.namespace.waits.ready(name)
        self.wait_until(name, "be Ready", service.not_ready)
        return pod

    def no_pod(self, name: str, found: Mapping[str, Any]) -> str:
        """Return "" where there is a pod, or its Deployment was refused one; raises where KServe makes none of it."""
        pods = self.namespace.pods
        if pods.named(name) or pods.diagnose_missing(name, None):
            return ""
        if why := service.hopeless(found):
            raise Unrecoverable(f"KServe makes no pod of InferenceService {name}: {why}")
        return service.not_ready(found)

    def wait_until(self, name: str, to: str, missing: Callable[[Mapping[str, Any]], str]) -> None:
        """Wait until `missing` is "" for the InferenceService as it is then."""

        def state() -> Ready[None] | str:
            self.namespace.pods.check()
            return missing(self.read(name)) or Ready(None)

        look_at = f"`{self.namespace.cluster.kubectl} -n {self.namespace.name} describe inferenceservice {name}`"
        wait_until(f"InferenceService {name} to {to}", state, KSERVE_SECONDS, look_at=look_at, poll=0.3)

    def read(self, name: str) -> dict[str, Any]:
        cluster = self.namespace.cluster
        with cluster.api_errors(f"reading InferenceService {name}"), cluster.api() as api:
            return kinds.read(api, "InferenceService", name, self.namespace.name)

    def inside(self, name: str) -> str:
        """Return the address of the Service that KServe made; one without an address of its own leads to the pods."""
        cluster, called = self.namespace.cluster, f"{name}{service.SUFFIX}"
        with cluster.api_errors(f"reading Service {called}"), cluster.api() as api:
            found: Any = client.CoreV1Api(api).read_namespaced_service(
                called, self.namespace.name, _request_timeout=SECONDS
            )
        port = found.spec.ports[0]
        headless = found.spec.cluster_ip == "None"
        if headless and not isinstance(port.target_port, int):
            raise AcceptanceError(f"Service {called} has no address, and its port {port.target_port} no number")
        return f"{called}:{port.target_port if headless else port.port}"


def first_version(name: str) -> str:
    return f"{name}/1"


def models_of(version: str) -> str:
    """Return where beneath the run's prefix a version of a model has its repository, or a predictor all of its."""
    return f"models/{version}"
