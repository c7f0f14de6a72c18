"""Seldon Core makes a predictor in a cluster, of a SeldonDeployment."""

import contextlib
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import urlsplit

from acceptance.errors import Unrecoverable
from acceptance.images import Images
from acceptance.kubernetes.custom_watch import CustomWatched
from acceptance.kubernetes.gateways import namespaces_at, resolve
from acceptance.kubernetes.manifests import Manifest
from acceptance.kubernetes.namespace import Namespace
from acceptance.seldon import deployment as seldon
from acceptance.serving.gateway import Gateway
from acceptance.serving.repository import MODEL
from acceptance.stacks.kubernetes_objects import Planned
from acceptance.stacks.run_store import RunStore
from acceptance.stacks.store_serving import StoreServing, first_version
from acceptance.training.tracking import TrainingRun

# Seldon calls one Failed after any error of its own, tries again, and takes it back
FAILED_SECONDS = 5.0


class SeldonServing(StoreServing):
    """A SeldonDeployment; Seldon copies the model repository from the run's object store.

    `ingress`: the URL of Seldon's ingress, "" where none is named; `failed_seconds`: how long it may be called Failed.
    """

    kind, of, ready_word = "SeldonDeployment", seldon.OF_DEPLOYMENT, "Available"
    kinds: ClassVar[Sequence[str]] = (kind,)
    with_pod, container, folder, copier = kind, MODEL, seldon.MODELS, ""
    ports = (seldon.PORTS["http"], seldon.PORTS["grpc"], seldon.PORTS["metrics"])

    def __init__(
        self,
        namespace: Namespace,
        store: RunStore,
        images: Images,
        directory: Path,
        ingress: str,
        failed_seconds: float = FAILED_SECONDS,
    ) -> None:
        super().__init__(namespace, store, images, directory)
        self.ingress, self.failed_seconds = ingress, failed_seconds
        self.watched = CustomWatched(namespace.cluster, self.kind, namespace.name)
        namespace.watches.more.append(self.watched)

    def prepare(self) -> None:
        """Create the Secret without which nothing could copy a model."""
        self.namespace.create(seldon.reader(self.store.variables()))

    def planned(self, name: str, gpu: str) -> list[Planned]:
        made = seldon.seldon_deployment(self.source(first_version(name)))
        return [Planned(made, name), Planned(seldon.trial_pod(name, made), name, MODEL if gpu else "")]

    def objects(self, name: str, run: TrainingRun, device: str) -> list[Manifest]:
        # from now on a predictor without a pod is its Deployment's fault, which Seldon names so
        self.namespace.pods.owners[name] = seldon.deployment_of(name)
        return [seldon.seldon_deployment(self.write_first(name, run, device))]

    # --- its state

    def read(self, name: str) -> Mapping[str, Any]:
        return self.watched.named(name)

    def wait_ready(self, name: str) -> Any:
        with self.not_failed(name):
            return super().wait_ready(name)

    def not_ready(self, found: Mapping[str, Any]) -> str:
        return seldon.not_available(found)

    @contextlib.contextmanager
    def not_failed(self, name: str) -> Iterator[None]:
        """Raise, whatever is waited for in the block, where Seldon calls it Failed for good; with what its pod says."""
        since = 0.0

        def check() -> None:
            nonlocal since
            why = seldon.failure(self.read(name))
            since = (since or time.monotonic()) if why else 0.0
            if not why or time.monotonic() - since < self.failed_seconds:
                return
            causes = filter(None, map(pods.diagnose, pods.named(name)))
            cause = next(causes, None) or pods.diagnose_missing(name, None)
            of_pod = f"; {cause.text}" if cause else ""
            raise Unrecoverable(f"Seldon calls SeldonDeployment {name} Failed: {why}{of_pod}")

        pods = self.namespace.pods
        pods.beside.append(check)
        try:
            yield
        finally:
            pods.beside.remove(check)

    # --- its end

    def delete(self, name: str) -> None:
        """Delete it with its model, and wait until its pods are gone: Seldon, not the run, has made them."""
        super().delete(name)
        self.namespace.waits.gone(name)

    # --- where it is reached

    def inside(self, name: str) -> str:
        return seldon.inside(self.read(name), name)

    def way(self, name: str) -> Gateway | str:
        if not self.ingress:
            return "--gateway names no ingress of Seldon's"
        cluster, namespace = self.namespace.cluster, self.namespace.name
        with cluster.api_errors("looking for the pods of --gateway"), cluster.api() as api:
            self.let_in(namespaces_at(api, resolve(urlsplit(self.ingress))))
        look_at = f"`{cluster.kubectl} -n {namespace} get virtualservices,services -o yaml`"
        return Gateway("Seldon's ingress", self.ingress, path=seldon.path_of(namespace, name), look_at=look_at)

    def gateway_ports(self) -> Sequence[int]:
        return self.ports[:2]
