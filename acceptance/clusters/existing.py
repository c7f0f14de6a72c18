"""A cluster of the user's kubeconfig: nothing of it is made, loaded or removed."""

import os
from collections.abc import Callable, Sequence
from pathlib import Path

from acceptance.clusters.provider import Access
from acceptance.images import Images
from acceptance.kubernetes.client import connect, forget_keys
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
    def whereabouts(cls, settings: Settings) -> str:
        if os.environ.get("KUBECONFIG"):  # the guardian, which needs it as well, runs in another folder
            files = os.environ["KUBECONFIG"].split(os.pathsep)
            os.environ["KUBECONFIG"] = os.pathsep.join(os.path.abspath(file) for file in files if file)  # noqa: PTH100
        try:
            return str(connect(settings.kube_context))
        finally:
            forget_keys()

    def __enter__(self) -> Access:
        return Access(self.context)

    def __exit__(self, *error: object) -> None:
        pass

    def load(self, images: Sequence[str]) -> None:
        pass

    def how_to_remove(self) -> str:
        return ""
