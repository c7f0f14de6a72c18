"""What makes the predictors in a run's cluster: the suite itself, or the cluster's KServe or Seldon Core."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import ClassVar, Protocol

from acceptance.errors import Problem
from acceptance.images import Images
from acceptance.kserve import service
from acceptance.kubernetes.client import Cluster
from acceptance.kubernetes.namespace import Namespace
from acceptance.kubernetes.rights import FOR_KSERVE, FOR_SELDON, Right
from acceptance.seldon import deployment as seldon
from acceptance.settings import Settings
from acceptance.stacks import kserve_needs, seldon_needs
from acceptance.stacks.deployment_serving import DeploymentServing, Serving
from acceptance.stacks.kubernetes_serving import KServeServing
from acceptance.stacks.run_store import RunStore
from acceptance.stacks.seldon_serving import SeldonServing


class Maker(Protocol):
    """What makes a run's predictors, as the cluster has it."""

    kinds: ClassVar[Sequence[str]]
    """The kinds of objects that the run makes for it besides those of every run."""
    rights: ClassVar[Sequence[Right]]
    """What the run may have to be allowed for it besides."""
    initializer: ClassVar[str]
    """The init container that copies a model from the object store, "" for none."""
    triton: str
    """The image of Triton that it takes, "" for the suite's."""

    def facts(self) -> dict[str, str]:
        """Return its version by its name, nothing where it is the suite itself."""

    def serving(self, namespace: Namespace, store: RunStore | None, images: Images, directory: Path) -> Serving:
        """Return the way that it serves; `directory`: where a model repository is built."""


class Suite:
    """The suite's own Deployments."""

    kinds: ClassVar[Sequence[str]] = ()
    rights: ClassVar[Sequence[Right]] = ()
    initializer: ClassVar[str] = ""
    triton = ""

    def facts(self) -> dict[str, str]:
        return {}

    def serving(self, namespace: Namespace, store: RunStore | None, images: Images, directory: Path) -> Serving:
        return DeploymentServing(namespace, images)


class KServe:
    """The cluster's KServe; raises AcceptanceError where it has none."""

    kinds: ClassVar[Sequence[str]] = ("ServiceAccount", "InferenceService", "ServingRuntime")
    rights: ClassVar[Sequence[Right]] = FOR_KSERVE
    initializer: ClassVar[str] = service.INITIALIZER

    def __init__(self, cluster: Cluster, settings: Settings) -> None:
        self.installation, self.runtime = kserve_needs.look_at(cluster, settings)
        self.triton = self.runtime.image if self.runtime.name else ""

    def facts(self) -> dict[str, str]:
        return {"KServe": str(self.installation)}

    def serving(self, namespace: Namespace, store: RunStore | None, images: Images, directory: Path) -> Serving:
        assert store  # the options ask for one
        return KServeServing(namespace, store, self.runtime, self.installation, images, directory)


class Seldon:
    """The cluster's Seldon Core; raises AcceptanceError where it has none."""

    kinds: ClassVar[Sequence[str]] = ("SeldonDeployment",)
    rights: ClassVar[Sequence[Right]] = FOR_SELDON
    initializer: ClassVar[str] = seldon.INITIALIZER
    triton = ""

    def __init__(self, cluster: Cluster, settings: Settings) -> None:
        self.installation, self.ingress = seldon_needs.look_at(cluster, settings), settings.gateway

    def facts(self) -> dict[str, str]:
        return {"Seldon Core": str(self.installation)}

    def serving(self, namespace: Namespace, store: RunStore | None, images: Images, directory: Path) -> Serving:
        assert store  # the options ask for one
        return SeldonServing(namespace, store, images, directory, self.ingress)


MAKERS: Mapping[str, Callable[[Cluster, Settings], Maker]] = {"kserve": KServe, "seldon": Seldon}
NEEDS: Mapping[str, Callable[[Settings], list[Problem]]] = {
    "kserve": kserve_needs.problems,
    "seldon": seldon_needs.problems,
}


def problems(settings: Settings) -> list[Problem]:
    """Return why what is to make the predictors can't, before anything starts; nothing for the suite itself."""
    return NEEDS[settings.predictor](settings) if settings.predictor in NEEDS else []


def find_maker(cluster: Cluster, settings: Settings) -> Maker:
    """Return what makes the run's predictors; raises AcceptanceError where the cluster lacks it."""
    return MAKERS[settings.predictor](cluster, settings) if settings.predictor in MAKERS else Suite()
