"""A cluster of the user's kubeconfig: nothing of it is made, loaded or removed."""

from collections.abc import Callable, Sequence
from pathlib import Path

from acceptance.clusters.provider import Access
from acceptance.errors import AcceptanceError, BadSetting, Problem
from acceptance.images import Images
from acceptance.kubernetes import site
from acceptance.kubernetes.client import Cluster, connect, forget_keys
from acceptance.kubernetes.rights import NAMESPACE, missing_rights
from acceptance.processes.local import Processes
from acceptance.settings import Settings


class Existing:
    own = False
    has_gpu = False
    loaded = ()

    def __init__(
        self, settings: Settings, images: Images, directory: Path, processes: Processes, say: Callable[[str], None]
    ) -> None:
        self.context = settings.kube_context

    @classmethod
    def problems(cls, settings: Settings) -> list[Problem]:
        try:
            cluster = reach(settings)
            unusable = site.unusable(cluster, settings.namespace) if settings.namespace else None
            return [*filter(None, [unusable]), *site.problems(cluster, settings.pods, settings.namespace)]
        except AcceptanceError as error:
            return [error.problem]
        finally:
            forget_keys()

    @classmethod
    def describe(cls, settings: Settings) -> str:
        where = f", namespace {settings.namespace}" if settings.namespace else ""
        return f"{reach(settings)}{where}"

    def __enter__(self) -> Access:
        return Access(self.context)

    def __exit__(self, *error: object) -> None:
        pass

    def load(self, images: Sequence[str]) -> None:
        pass

    def how_to_remove(self) -> str:
        return ""


def reach(settings: Settings) -> Cluster:
    """Return the cluster, which answers and lets the account make a namespace where the run needs one.

    Raises BadSetting for any other. Leaves no key of the kubeconfig's behind.
    """
    try:
        cluster = connect(settings.kube_context)
        refused = missing_rights(cluster, [] if settings.namespace else [NAMESPACE])
    except BadSetting:
        raise
    except AcceptanceError as error:
        raise BadSetting(error.problem) from error
    finally:
        forget_keys()
    if refused:
        raise BadSetting(refused[NAMESPACE])
    return cluster
