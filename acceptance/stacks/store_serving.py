"""Predictors that a controller of the cluster makes, of a model repository that the run writes to its object store."""

from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

from acceptance.images import SITE_PACKAGES, Images
from acceptance.kubernetes import gateways
from acceptance.kubernetes.namespace import Namespace
from acceptance.serving import repository, served_model
from acceptance.stacks.run_store import RunStore
from acceptance.training.tracking import TrainingRun
from acceptance.waiting import Ready, wait_until

# a controller takes a second or two for each step
CONTROLLER_SECONDS = 30


class StoreServing:
    """What all of them do alike; `directory`: where a repository is built before it is written to the store."""

    kind: ClassVar[str]
    """The kind that the controller makes predictors of, and that describes their pods."""
    kinds: ClassVar[Sequence[str]]
    """All that a predictor is made of."""
    of: ClassVar[str]
    """The label that predictors' pods have."""
    ready_word: ClassVar[str]
    """What the controller calls one that answers."""

    def __init__(self, namespace: Namespace, store: RunStore, images: Images, directory: Path) -> None:
        self.namespace, self.store, self.images, self.directory = namespace, store, images, directory
        # the namespaces whose pods may send requests to predictors
        self.let: set[str] = set()

    # --- the model repository

    def write_first(self, name: str, run: TrainingRun, device: str) -> str:
        """Write the repository of the run's model; return where the predictor finds it."""
        version = first_version(name)
        self.write(version, run.download_model("onnx", self.directory / version / "download"), device)
        return self.source(version)

    def write(self, version: str, model: Path, device: str) -> None:
        """Write the repository of an ONNX model's folder to the store; a version is a name such as `triton-cpu-1/1`."""
        models = self.directory / version / "models"
        repository.build_repository(models, model, device, self.images.triton_backend, SITE_PACKAGES)
        self.store.put_folder(models, models_of(version))

    def written(self, name: str) -> str:
        """Return where the store has the ONNX file that a predictor was made of."""
        return f"{models_of(first_version(name))}/{served_model.FILE}"

    def source(self, version: str) -> str:
        return str(self.store.location.beneath(models_of(version)))

    def delete(self, name: str) -> None:
        self.namespace.delete(*self.kinds, name=name)
        self.store.delete_folder(models_of(name))

    # --- its state

    def read(self, name: str) -> Mapping[str, Any]:
        """Return the object that the controller makes the predictor of, as it is now."""
        raise NotImplementedError

    def not_ready(self, found: Mapping[str, Any]) -> str:
        """Return "" where the controller calls the object ready, else what it says."""
        raise NotImplementedError

    def has_pod(self, name: str) -> bool:
        """Say whether there is a pod, or its Deployment was refused one."""
        pods = self.namespace.pods
        return bool(pods.named(name) or pods.diagnose_missing(name, None))

    def no_pod(self, name: str, found: Mapping[str, Any]) -> str:
        """Return "" where it has a pod, else what the controller says."""
        return "" if self.has_pod(name) else self.not_ready(found)

    def wait_ready(self, name: str) -> Any:
        self.wait_until(name, "get a pod", lambda found: self.no_pod(name, found))
        pod = self.namespace.waits.ready(name)
        self.wait_until(name, f"be {self.ready_word}", self.not_ready)
        return pod

    def wait_until(self, name: str, to: str, missing: Callable[[Mapping[str, Any]], str]) -> None:
        """Wait until `missing` is "" for the object as it is then."""

        def state() -> Ready[None] | str:
            self.namespace.pods.check()
            return missing(self.read(name)) or Ready(None)

        show = f"describe {self.kind.lower()} {name}"
        look_at = f"`{self.namespace.cluster.kubectl} -n {self.namespace.name} {show}`"
        wait_until(f"{self.kind} {name} to {to}", state, CONTROLLER_SECONDS, look_at=look_at, poll=0.3)

    # --- from this machine

    def gateway_ports(self) -> Sequence[int]:
        """Return the ports on which a gateway's pods reach predictors."""
        raise NotImplementedError

    def let_in(self, namespaces: Collection[str]) -> None:
        """Have the run's policy let the namespaces' pods in to predictors, each once."""
        if self.namespace.lacks("NetworkPolicy"):  # then there is none that shuts them out
            return
        for namespace in sorted({*namespaces} - self.let):
            self.let.add(namespace)
            self.namespace.create(gateways.policy(namespace, self.gateway_ports(), self.of))


def first_version(name: str) -> str:
    return f"{name}/1"


def models_of(version: str) -> str:
    """Return where beneath the run's prefix a version of a model has its repository, or a predictor all of its."""
    return f"models/{version}"
