"""A cluster of the user's kubeconfig: nothing of it is made, loaded or removed."""

from collections.abc import Callable, Sequence
from pathlib import Path

from acceptance.clusters.provider import Access
from acceptance.errors import Problem, problem_of
from acceptance.images import Images
from acceptance.kubernetes.client import Cluster, connect, forget_keys
from acceptance.processes.local import Processes
from acceptance.settings import Settings


class Existing:
    own = False
    has_gpu = False

    def __init__(
        self, settings: Settings, images: Images, directory: Path, processes: Processes, say: Callable[[str], None]
    ) -> None:
        self.context = settings.kube_context

    @classmethod
    def problems(cls, settings: Settings) -> list[Problem]:
        problem = problem_of(lambda: reach(settings))
        return [problem] if problem else []

    @classmethod
    def describe(cls, settings: Settings) -> str:
        return str(reach(settings))

    def __enter__(self) -> Access:
        return Access(self.context)

    def __exit__(self, *error: object) -> None:
        pass

    def load(self, images: Sequence[str]) -> None:
        pass

    def how_to_remove(self) -> str:
        return ""


def reach(settings: Settings) -> Cluster:
    """Return the cluster that answers; leaves no key of the kubeconfig's behind."""
    try:
        return connect(settings.kube_context)
    finally:
        forget_keys()
