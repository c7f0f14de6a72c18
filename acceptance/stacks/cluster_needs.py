"""What a run needs before it starts, where something of the cluster's is to make its predictors from its store."""

import contextlib
from collections.abc import Callable

from acceptance.errors import Problem, problem_of
from acceptance.kubernetes.client import Cluster, connect, forget_keys
from acceptance.settings import Settings
from acceptance.stacks.run_store import OPTION
from acceptance.storage.bucket import Bucket
from acceptance.storage.location import read_location


def not_in_cluster(settings: Settings, called: str, look_at: Callable[[Cluster, Settings], object]) -> Problem | None:
    """Return why what is `called` so can't serve there; `look_at` raises AcceptanceError where the cluster lacks it."""
    if settings.target != "existing":
        if settings.cluster:
            return None  # the run's beginning looks at it: its kubeconfig isn't written yet
        return Problem(
            f"--predictor {settings.predictor}: a cluster that --target {settings.target} makes for the run has no "
            f"{called}",
            "name one that has it with --cluster, or with --target existing",
        )
    try:
        return problem_of(lambda: look_at(connect(settings.kube_context), settings))
    finally:
        forget_keys()


def store_variables(settings: Settings) -> dict[str, str]:
    """Return the variables by which others reach the user's object store; raises AcceptanceError without keys."""
    with contextlib.closing(Bucket(read_location(settings.store, OPTION))) as bucket:
        return bucket.variables()
