"""What the options name on a site's cluster: whether it is there, and the pull secret that a run copies."""

from collections.abc import Callable, Iterable
from typing import Any

from kubernetes import client

from acceptance.errors import BadSetting, Problem, problem_of
from acceptance.kubernetes import docker_config, manifests
from acceptance.kubernetes.client import SECONDS, Cluster
from acceptance.kubernetes.manifests import Manifest
from acceptance.kubernetes.view import has_labels, join_some
from acceptance.settings import PodRules

# what the kubelet takes for a pull secret, and the key of what it holds
PULL_SECRETS = {"kubernetes.io/dockerconfigjson": ".dockerconfigjson", "kubernetes.io/dockercfg": ".dockercfg"}


def problems(cluster: Cluster, rules: PodRules, namespace: str = "") -> list[Problem]:
    """Return what the rules name and the cluster hasn't; what this account may not ask for is left to its pods.

    `namespace`: the one that is given; a pull secret that lies in it needs no copy.
    """
    copied = rules.pull_secret and not rules.pull_secret.startswith(f"{namespace}/")
    found = [problem_of(lambda: copy_pull_secret(cluster, rules))] if copied else []
    with cluster.api_errors("asking for what the options name"), cluster.api() as api:
        classes = (
            ("--priority-class", rules.priority_class, client.SchedulingV1Api(api).list_priority_class),
            ("--runtime-class", rules.runtime_class, client.NodeV1Api(api).list_runtime_class),
            ("--storage-class", rules.storage_class, client.StorageV1Api(api).list_storage_class),
        )
        found += [missing(option, name, listed) for option, name, listed in classes if name]
        if rules.node_selector:
            found.append(no_node(rules, client.CoreV1Api(api).list_node))
    return [problem for problem in found if problem]


def unusable(cluster: Cluster, namespace: str) -> Problem | None:
    """Say that there is no such namespace, or that it is being deleted; nothing where the account may not look."""
    option = f"--namespace {namespace}"
    with cluster.api_errors(option), cluster.api() as api:
        try:
            found: Any = client.CoreV1Api(api).read_namespace(namespace, _request_timeout=SECONDS)
        except client.ApiException as error:
            if error.status == 404:
                return Problem(f"{option}: there is no such namespace", f"`{cluster.kubectl} get namespaces`")
            if error.status in (401, 403):
                return None
            raise
    if found.status.phase == "Active":
        return None
    return Problem(f"{option}: it is {found.status.phase}", "name another, or wait until it is gone and make it anew")


def missing(option: str, name: str, listed: Callable[..., Any]) -> Problem | None:
    """Say that there is no such class, and which there are."""
    known = None if (items := list_all(listed)) is None else sorted(one.metadata.name for one in items)
    if known is None or name in known:
        return None
    return Problem(f"{option} {name}: the cluster has no such class", f"it has {join_some(known) or 'none'}")


def no_node(rules: PodRules, listed: Callable[..., Any]) -> Problem | None:
    nodes = list_all(listed)
    if nodes is None or any(has_labels(node, rules.node_selector) for node in nodes):
        return None
    labels = " and ".join(f"{key}={value}" for key, value in rules.node_selector.items())
    return Problem(f"--node-selector: no node has {labels}", "`kubectl get nodes --show-labels` shows what they have")


def list_all(listed: Callable[..., Any]) -> list[Any] | None:
    """Return all there are, None where this account may not know."""
    try:
        return listed(_request_timeout=SECONDS).items
    except client.ApiException as error:
        if error.status in (401, 403, 404):
            return None
        raise


# --- the pull secret


def copy_pull_secret(cluster: Cluster, rules: PodRules) -> Manifest:
    """Return the pull secret as the run's namespace is to have it; what it holds is kept out of the report.

    Raises BadSetting where this account can't read it, or where it is no pull secret.
    """
    option, (namespace, _, name) = f"--pull-secret {rules.pull_secret}", rules.pull_secret.partition("/")
    with cluster.api_errors(option), cluster.api() as api:
        try:
            found: Any = client.CoreV1Api(api).read_namespaced_secret(name, namespace, _request_timeout=SECONDS)
        except client.ApiException as error:
            if error.status not in (403, 404):
                raise
            why = "there is no such Secret" if error.status == 404 else f"user {cluster.user} may not read it"
            raise BadSetting(f"{option}: {why}; look at `{cluster.kubectl} -n {namespace} get secrets`") from None
    key = PULL_SECRETS.get(found.type, "")
    if not (found.data or {}).get(key):
        raise BadSetting(
            f"{option}: it is of type {found.type}; a pull secret is made by `kubectl create secret docker-registry`"
        )
    for secret in secrets_in(found.data[key]):
        cluster.redactor.add(secret)
    return {**manifests.keyed("Secret", name, data={key: found.data[key]}), "type": found.type}


def secrets_in(data: str) -> Iterable[str]:
    """Yield the passwords and tokens that a pull secret holds, and itself as Kubernetes has it."""
    yield data
    for entry in docker_config.entries(data).values():
        yield from (str(entry[key]) for key in ("password", "auth", "identitytoken") if entry.get(key))
        if login := docker_config.read_login(entry):
            yield from (login.password, login.basic.removeprefix("Basic "))
