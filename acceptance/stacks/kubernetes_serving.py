"""KServe makes a predictor in a cluster, of an InferenceService."""

import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

from kubernetes import client

from acceptance.errors import AcceptanceError, Problem, Unrecoverable
from acceptance.images import Images
from acceptance.kserve import knative, routes, service
from acceptance.kserve.installation import KNATIVE, Installation
from acceptance.kserve.leftovers import left_of
from acceptance.kserve.runtime import CONTAINER, Runtime
from acceptance.kubernetes import kinds
from acceptance.kubernetes.client import SECONDS
from acceptance.kubernetes.manifests import Manifest
from acceptance.kubernetes.namespace import Namespace
from acceptance.kubernetes.view import labels_of
from acceptance.serving.gateway import Gateway
from acceptance.stacks import kubernetes_objects as objects
from acceptance.stacks.kubernetes_objects import Planned
from acceptance.stacks.run_store import RunStore
from acceptance.stacks.store_serving import CONTROLLER_SECONDS, StoreServing, first_version, models_of
from acceptance.training.tracking import TrainingRun
from acceptance.waiting import Ready, wait_until


class KServeServing(StoreServing):
    """An InferenceService; KServe copies the model repository from the run's object store."""

    kind, of, ready_word = "InferenceService", service.OF_SERVICE, "Ready"
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
        super().__init__(namespace, store, images, directory)
        self.runtime, self.installation = runtime, installation
        self.ports = (runtime.port("http"), runtime.port("grpc"), runtime.port("metrics"))
        self.knative = installation.mode == KNATIVE

    def prepare(self) -> None:
        """Create the account of the predictors, without which no pod of theirs could be tried out."""
        self.let_in(self.installation.routes.namespaces)
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
        source = self.write_first(name, run, device)
        # from now on a predictor without a pod is its Deployment's fault, which KServe names so; Knative does it later
        self.namespace.pods.owners[name] = f"{name}{service.SUFFIX}"
        made = service.inference_service(name, source, self.runtime, self.installation)
        if device == "gpu":
            service.free_gpu_first(made[-1])
        return made

    def patch(self, name: str, changes: Manifest) -> None:
        cluster = self.namespace.cluster
        with cluster.api_errors(f"updating InferenceService {name}"), cluster.api() as api:
            kinds.patch(api, "InferenceService", name, self.namespace.name, changes)

    # --- its end

    def left(self, name: str, but: Sequence[str] = ()) -> list[str]:
        """Return what there is of it, `but` those kinds, in the namespace and the store as soon as it is nothing.

        What is still there after 30 s, and the time that Knative gives its pods, is returned.
        """
        seconds = CONTROLLER_SECONDS + (knative.DRAIN_SECONDS if self.knative else 0)
        cluster, ends = self.namespace.cluster, time.monotonic() + seconds

        def state() -> Ready[list[str]] | str:
            with cluster.api_errors(f"asking what is left of {name}"), cluster.api() as api:
                found = left_of(api, name, self.namespace.name)
            found = [one for one in found if not one.startswith(tuple(f"{kind} " for kind in but))]
            if not but:
                found += self.store.names(models_of(name))
            return Ready(found) if not found or time.monotonic() >= ends else ", ".join(found)

        return wait_until(f"{name} to leave nothing", state, seconds + SECONDS, poll=0.3)

    def not_ready(self, found: Mapping[str, Any]) -> str:
        return service.not_ready(found)

    def no_pod(self, name: str, found: Mapping[str, Any]) -> str:
        """Return "" where it has a pod, else what KServe says; raises where that makes none of it."""
        if self.knative:
            self.look_at_revision(name, found)
        if self.has_pod(name):
            return ""
        if why := service.hopeless(found):
            raise Unrecoverable(f"KServe makes no pod of InferenceService {name}: {why}")
        return self.not_ready(found)

    def look_at_revision(self, name: str, found: Mapping[str, Any]) -> None:
        """Note the Deployment of the latest revision; raises where Knative makes no pod of it."""
        if owner := knative.owner_of(found):
            self.namespace.pods.owners[name] = owner
        if problem := knative.failure_of(found):
            raise Unrecoverable(Problem(f"InferenceService {name}: {problem.what}", problem.fix))

    def pods(self, name: str) -> list[Any]:
        """Return its pods that are not being deleted, in Knative mode those of its latest revision.

        Raises where Knative makes no pod of that.
        """
        found = self.namespace.pods.named(name)
        if not self.knative:
            return found
        said = self.read(name)
        self.look_at_revision(name, said)
        return [pod for pod in found if labels_of(pod).get(knative.REVISION) == knative.revision_of(said)]

    def read(self, name: str) -> dict[str, Any]:
        cluster = self.namespace.cluster
        with cluster.api_errors(f"reading InferenceService {name}"), cluster.api() as api:
            return kinds.read(api, "InferenceService", name, self.namespace.name)

    def inside(self, name: str) -> str:
        """Return the address of the Service that KServe made; one without an address of its own leads to the pods."""
        if self.knative:
            return knative.address_of(self.read(name))
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

    # --- from this machine

    def way(self, name: str) -> Gateway | str:
        cluster = self.namespace.cluster
        with cluster.api_errors(f"looking for the gateway of InferenceService {name}"), cluster.api() as api:
            return routes.find_gateway(api, self.installation.routes, self.read(name), cluster.kubectl, self.let_in)

    def gateway_ports(self) -> Sequence[int]:
        return routes.QUEUE_PROXY_PORTS if self.knative else [port for port in self.ports[:2] if port]
