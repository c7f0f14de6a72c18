"""What makes the predictors in a run's cluster: the suite itself, or the cluster's KServe."""

from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar, Protocol

from acceptance.images import Images
from acceptance.kubernetes.client import Cluster
from acceptance.kubernetes.namespace import Namespace
from acceptance.kubernetes.rights import FOR_KSERVE, Right
from acceptance.settings import Settings
from acceptance.stacks import kserve_needs
from acceptance.stacks.deployment_serving import DeploymentServing, Serving
from acceptance.stacks.kubernetes_serving import KServeServing
from acceptance.stacks.run_store import RunStore


class Maker(Protocol):
    """What makes a run's predictors, as the cluster has it."""

    kinds: ClassVar[Sequence[str]]
    """The kinds of objects that the run makes for it besides those of every run."""
    rights: ClassVar[Sequence[Right]]
    """What the run may have to be allowed for it besides."""
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
    triton = ""

    def facts(self) -> dict[str, str]:
        return {}

    def serving(self, namespace: Namespace, store: RunStore | None, images: Images, directory: Path) -> Serving:
        return DeploymentServing(namespace, images)


class KServe:
    """The cluster's KServe; raises AcceptanceError where it has none."""

    kinds: ClassVar[Sequence[str]] = ("ServiceAccount", "InferenceService", "ServingRuntime")
    rights: ClassVar[Sequence[Right]] = FOR_KSERVE

    def __init__(self, cluster: Cluster, settings: Settings) -> None:
        self.installation, self.runtime = kserve_needs.look_at(cluster, settings)
        self.triton = self.runtime.image if self.runtime.name else ""

    def facts(self) -> dict[str, str]:
        return {"KServe": str(self.installation)}

    def serving(self, namespace: Namespace, store: RunStore | None, images: Images, directory: Path) -> Serving:
        assert store  # the options ask for one
        return KServeServing(namespace, store, self.runtime, self.installation, images, directory)


def find_maker(cluster: Cluster, settings: Settings) -> Maker:
    """Return what makes the run's predictors; raises AcceptanceError where the cluster lacks it."""
    return KServe(cluster, settings) if settings.kserve else Suite()
