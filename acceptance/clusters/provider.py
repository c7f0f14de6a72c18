"""What a provider of clusters is: it yields a kubeconfig's context and loads images; the stack does the rest."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from acceptance.errors import Problem
from acceptance.images import Images
from acceptance.processes.local import Processes
from acceptance.settings import Settings


@dataclass(frozen=True)
class Access:
    """How a cluster is reached: the context and its kubeconfig, None for the user's own."""

    context: str
    kubeconfig: Path | None = None


class Provider(Protocol):
    """A cluster, as a context manager: one that it made goes with it, however far it came."""

    own: bool
    """Whether it makes the cluster, and removes it in the end."""

    has_gpu: bool
    """Whether it made the cluster with a GPU."""

    @property
    def loaded(self) -> Collection[str]:
        """The images that it put into the cluster's nodes."""

    def __init__(
        self, settings: Settings, images: Images, directory: Path, processes: Processes, say: Callable[[str], None]
    ) -> None: ...

    @classmethod
    def problems(cls, settings: Settings) -> list[Problem]:
        """Return why the cluster can't be used or made: all that can be known before anything starts."""

    @classmethod
    def describe(cls, settings: Settings) -> str:
        """Say which cluster it is, or will be; only where it has no problems."""

    def __enter__(self) -> Access: ...

    def __exit__(self, *error: object) -> None: ...

    def load(self, images: Sequence[str]) -> None:
        """Put those of the images into the cluster that this machine has; the cluster pulls the others."""

    def how_to_remove(self) -> str:
        """Return the command that removes a cluster that was made and kept, "" where the namespace is all there is."""
