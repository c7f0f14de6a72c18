"""What this account must be allowed to do for a run, asked of the API server before the run does it."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from kubernetes import client

from acceptance.errors import Problem
from acceptance.kubernetes.client import SECONDS, Cluster

LIST = "docs/kubernetes.md has the list of all that a run needs"


@dataclass(frozen=True)
class Right:
    """Verbs on a resource, which may be a part of one (`pods/log`), and what the run needs them for."""

    verbs: tuple[str, ...]
    resource: str
    why: str
    group: str = ""
    everywhere: bool = False
    """In the whole cluster, not in the run's namespace alone."""


RESOURCES = {
    "ResourceQuota": "resourcequotas",
    "NetworkPolicy": "networkpolicies",
    "ServiceAccount": "serviceaccounts",
    "Pod": "pods",
    "Event": "events",
    "Deployment": "deployments",
    "Job": "jobs",
    "Service": "services",
    "ConfigMap": "configmaps",
}
NAMESPACE = Right(("create",), "namespaces", "the run's own namespace", everywhere=True)
ACCOUNT = Right(("list",), "serviceaccounts", "waiting for the account of the pods")
# what only a namespace of the run's own takes
OF_ITS_OWN = ("namespaces", "resourcequotas", "networkpolicies")
IN_NAMESPACE = (
    Right(("get", "delete"), "namespaces", "the end of the run's own namespace"),
    Right(("create",), "resourcequotas", "the namespace's quota"),
    Right(("create",), "networkpolicies", "the namespace's policy", "networking.k8s.io"),
    ACCOUNT,
    Right(("create", "delete", "list", "watch"), "pods", "small pods, waiting and diagnosis"),
    Right(("list", "watch"), "events", "waiting and diagnosis"),
    Right(("create", "delete"), "deployments", "MLflow and Triton", "apps"),
    Right(("create", "delete"), "jobs", "trainings and loads", "batch"),
    Right(("create", "delete"), "services", "MLflow and Triton"),
    Right(("create", "delete"), "configmaps", "the codeset and the models' configurations"),
    Right(("get",), "pods/log", "logs"),
    Right(("get", "create"), "pods/portforward", "reaching MLflow and Triton"),
)
FOR_GPU = (
    Right(("list",), "nodes", "finding the GPU", everywhere=True),
    Right(("list",), "pods", "finding a GPU that is free", everywhere=True),
)
FOR_STORE = (Right(("create",), "secrets", "the keys of the object store"),)
FOR_PULLS = (Right(("create",), "secrets", "the copy of --pull-secret"),)
FOR_EGRESS = (Right(("create",), "secrets", "what --proxy and --ca have pods get"),)
FOR_TRACKING = (Right(("create",), "secrets", "the account on your tracking server"),)
# what is looked at where the account may; `why` names what isn't otherwise
TO_LOOK = (
    Right(("list",), "nodes", "nodes", everywhere=True),
    Right(("list",), "pods", "pods of all namespaces", everywhere=True),
    Right(("list",), "resourcequotas", "quotas"),
)
TO_LOOK_IN_GIVEN = (
    *TO_LOOK,
    Right(("get",), "namespaces", "the namespace's labels"),
    Right(("list",), "networkpolicies", "network policies", "networking.k8s.io"),
)
FOR_KSERVE = (
    Right(("get", "create", "patch", "delete"), "inferenceservices", "predictors", "serving.kserve.io"),
    Right(("create", "delete"), "servingruntimes", "a runtime of the run's own", "serving.kserve.io"),
    Right(("create",), "serviceaccounts", "the predictors' account, whose keys KServe takes"),
    Right(("get",), "services", "finding the address that KServe gave"),
    Right(("get", "create"), "pods/exec", "reading the model where Triton loaded it"),
)
FOR_SELDON = (
    Right(("list", "watch", "create", "delete"), "seldondeployments", "predictors", "machinelearning.seldon.io"),
    Right(("get", "create"), "pods/exec", "reading the model where Triton loaded it"),
)


def in_given_namespace(rights: Sequence[Right]) -> tuple[Right, ...]:
    """Return the rights as a run needs them in a namespace that it doesn't make, and from which it deletes its own."""
    return tuple(
        replace(right, verbs=(*right.verbs, "deletecollection"))
        if "create" in right.verbs and "/" not in right.resource
        else right
        for right in rights
        if right.resource not in OF_ITS_OWN and right != ACCOUNT
    )


def missing_rights(cluster: Cluster, rights: Sequence[Right], namespace: str = "") -> dict[Right, Problem]:
    """Return which of the rights the account lacks, each with its fix; what can't be asked is taken for allowed."""
    found = {}
    with cluster.api_errors("asking what this account may do"), cluster.api() as api:
        ask = client.AuthorizationV1Api(api)
        for right in rights:
            where = "" if right.everywhere else namespace
            refused = [verb for verb in right.verbs if not may(ask, verb, right, where)]
            if refused:
                found[right] = lacking(cluster, right, refused, where)
    return found


def may(ask: client.AuthorizationV1Api, verb: str, right: Right, namespace: str) -> bool:
    resource, _, part = right.resource.partition("/")
    name = namespace if resource == "namespaces" else None
    attributes = client.V1ResourceAttributes(
        verb=verb,
        group=right.group,
        resource=resource,
        subresource=part or None,
        namespace=namespace or None,
        name=name,
    )
    review = client.V1SelfSubjectAccessReview(spec=client.V1SelfSubjectAccessReviewSpec(resource_attributes=attributes))
    try:
        answer = ask.create_self_subject_access_review(review, _request_timeout=SECONDS)
    except client.ApiException as error:
        if error.status in (403, 404, 405):  # an account, or a server, that doesn't answer this
            return True
        raise
    return not answer.status or answer.status.allowed


def lacking(cluster: Cluster, right: Right, verbs: Sequence[str], namespace: str) -> Problem:
    resource = f"{right.resource}.{right.group}" if right.group else right.resource
    where = f"in namespace {namespace}" if namespace else "in the cluster"
    option = f" -n {namespace}" if namespace else " --all-namespaces"
    return Problem(
        f"user {cluster.user} of context {cluster.context} may not {' or '.join(verbs)} {resource} {where}, which is "
        f"needed for {right.why}",
        f"have it granted ({LIST}); `{cluster.kubectl} auth can-i {verbs[0]} {resource}{option}` asks again",
    )
