"""What is deleted while a run goes on: Jobs and pods that ended, and what failed to start."""

import contextlib
from collections.abc import Iterator

from acceptance.errors import AcceptanceError
from acceptance.kubernetes.client import ApiServerGone
from acceptance.kubernetes.namespace import Namespace


class Deletion:
    """Deletes objects of a namespace; with `keep` they stay, where they hold no GPU that the next one needs."""

    def __init__(self, namespace: Namespace, keep: bool) -> None:
        self.namespace, self.keep = namespace, keep

    @contextlib.contextmanager
    def after(self, kind: str, name: str, frees_gpu: bool = False) -> Iterator[None]:
        """Delete an object when the block ends, and wait for its pod to go where the next one needs its GPU."""
        try:
            yield
        except BaseException as error:
            self.of_failed((kind,), name, frees_gpu, error)
            raise
        if not self.keep:
            with contextlib.suppress(ApiServerGone):
                self.namespace.delete(kind, name=name)
                if frees_gpu:
                    self.namespace.waits.gone(name)

    def of_failed(self, kinds: tuple[str, ...], name: str, frees_gpu: bool, error: BaseException) -> None:
        """Delete what failed. An error of the deletion would hide the failure, and the namespace goes in the end.

        With `keep` a pod with a GPU goes all the same: it may hold, or still wait for, the next one's.
        """
        interrupted = not isinstance(error, Exception)  # nobody comes after it
        if self.keep and (interrupted or not frees_gpu):
            return
        with contextlib.suppress(AcceptanceError):
            self.namespace.delete(*kinds, name=name)
            if frees_gpu and not interrupted:
                self.namespace.waits.gone(name)
