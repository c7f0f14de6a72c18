"""What `--predictor kserve` needs of a cluster and of the object store's keys, asked before anything starts."""

from acceptance.errors import AcceptanceError, Problem, problem_of
from acceptance.kserve.installation import Installation, find_kserve
from acceptance.kserve.passed_over import passed_over
from acceptance.kserve.runtime import Runtime, find_runtime
from acceptance.kubernetes.client import Cluster
from acceptance.settings import Settings
from acceptance.stacks.cluster_needs import not_in_cluster, store_variables
from acceptance.stacks.run_store import OPTION


def problems(settings: Settings) -> list[Problem]:
    """Return why KServe can't serve there; the cluster and the store answer."""
    found = (not_in_cluster(settings, "KServe", look_at), problem_of(lambda: no_lasting_keys(settings)))
    return [problem for problem in found if problem]


def look_at(cluster: Cluster, settings: Settings) -> tuple[Installation, Runtime]:
    """Return the cluster's KServe and the runtime of its predictors; raises AcceptanceError where it lacks either."""
    found = find_kserve(cluster)
    if isinstance(found, Problem):
        raise AcceptanceError(found)
    if settings.namespace and (problem := passed_over(cluster, settings.namespace)):
        raise AcceptanceError(problem)
    return found, find_runtime(cluster, settings.runtime)


def no_lasting_keys(settings: Settings) -> None:
    """Raise AcceptanceError where the user's keys are a session's: KServe hands no session's token on."""
    if not settings.minio and "AWS_SESSION_TOKEN" in store_variables(settings):
        raise AcceptanceError(
            Problem(
                f"{OPTION} {settings.store}: the keys are a session's, and KServe hands no session's token on",
                "name keys that last, without AWS_SESSION_TOKEN",
            )
        )
