"""What `--predictor seldon` needs of a cluster and of the object store, asked before anything starts."""

from acceptance.errors import AcceptanceError, Problem, problem_of
from acceptance.kubernetes.client import Cluster
from acceptance.seldon.installation import Installation, find_seldon
from acceptance.settings import Settings
from acceptance.stacks.cluster_needs import not_in_cluster, store_variables
from acceptance.stacks.run_store import OPTION
from acceptance.storage.variables import AUTHORITY


def problems(settings: Settings) -> list[Problem]:
    """Return why Seldon can't serve there; the cluster and the store answer."""
    found = (not_in_cluster(settings, "Seldon Core", look_at), problem_of(lambda: check_authority(settings)))
    return [problem for problem in found if problem]


def look_at(cluster: Cluster, settings: Settings) -> Installation:
    """Return the cluster's Seldon Core; raises AcceptanceError where it has none that makes predictors."""
    found = find_seldon(cluster)
    if isinstance(found, Problem):
        raise AcceptanceError(found)
    return found


def check_authority(settings: Settings) -> None:
    """Raise AcceptanceError where the store has an authority of its own: nothing can be mounted where Seldon copies."""
    variables = store_variables(settings)
    if AUTHORITY in variables and variables["AWS_ENDPOINT_URL_S3"].startswith("https:"):
        raise AcceptanceError(
            Problem(
                f"{OPTION} {settings.store}: its certificate is checked by {AUTHORITY}={variables[AUTHORITY]}, and "
                "Seldon's initializer takes no authority of a run's",
                f"leave {AUTHORITY} out where the certificate is publicly trusted, or name a store over plain HTTP",
            )
        )
