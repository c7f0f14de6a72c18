"""What is deleted while a run goes on: a pod with a GPU is gone before the next one asks, with `--keep` too."""

from typing import Any

import pytest

from acceptance.errors import AcceptanceError
from acceptance.kubernetes.client import ApiServerGone
from acceptance.kubernetes.deletion import Deletion


class MadeUpNamespace:
    """Notes what is deleted and waited for; an error, where there is one, is what a deletion comes to."""

    def __init__(self, error=None):
        self.done, self.error = [], error
        self.waits = self

    def delete(self, *kinds, name):
        self.done.append(f"{', '.join(kinds)} {name} deleted")
        if self.error:
            raise self.error

    def gone(self, name):
        self.done.append(f"{name} gone")


def with_namespace(keep: bool = False, error: Exception | None = None) -> tuple[Deletion, list[str]]:
    """Return what deletes in a made-up namespace, and what it has done there so far."""
    namespace: Any = MadeUpNamespace(error)
    return Deletion(namespace, keep), namespace.done


DELETED, GONE = "Pod probe deleted", "probe gone"


@pytest.mark.parametrize(
    ("keep", "frees_gpu", "error", "done"),
    [
        (False, True, None, [DELETED, GONE]),
        (False, False, None, [DELETED]),
        (True, True, None, []),
        (True, False, None, []),
        (False, True, AcceptanceError, [DELETED, GONE]),
        (False, False, AcceptanceError, [DELETED]),
        # the next one's GPU is in it
        (True, True, AcceptanceError, [DELETED, GONE]),
        (True, False, AcceptanceError, []),
        # nobody comes after it
        (False, True, KeyboardInterrupt, [DELETED]),
        (True, True, KeyboardInterrupt, []),
    ],
)
def test_what_is_deleted_after_its_use(keep, frees_gpu, error, done):
    deletion, seen = with_namespace(keep)
    if error:
        with pytest.raises(error, match="as it happened"), deletion.after("Pod", "probe", frees_gpu):
            raise error("as it happened")
    else:
        with deletion.after("Pod", "probe", frees_gpu):
            assert seen == []
    assert seen == done


def test_what_failed_is_worth_more_than_that_it_could_not_be_deleted():
    deletion, seen = with_namespace(error=AcceptanceError("HTTP 500"))
    with pytest.raises(ValueError, match="as it happened"), deletion.after("Pod", "probe"):
        raise ValueError("as it happened")
    assert seen == [DELETED]


def test_an_api_server_that_is_gone_fails_nothing_that_was_done():
    """The namespace's end says so."""
    deletion, seen = with_namespace(error=ApiServerGone("does not answer"))
    with deletion.after("Pod", "probe", frees_gpu=True):
        pass
    assert seen == [DELETED]


def test_all_that_failed_to_start_is_deleted_together():
    deletion, seen = with_namespace()
    deletion.of_failed(("Deployment", "Service"), "triton", True, AcceptanceError("no image"))
    assert seen == ["Deployment, Service triton deleted", "triton gone"]
