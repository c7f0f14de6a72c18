"""KServe's models web app: where a cluster has it, and what it shows of an InferenceService.

It shows to whom its gateway has named in a header. The suite gets in by a port-forward, past any gateway and mesh, and
names the account that the API server knows it as: the app shows that one what it may read.
"""

import contextlib
from dataclasses import dataclass
from functools import partial
from typing import Any

import requests
from kubernetes import client

from acceptance.errors import AcceptanceError, Problem, root_words
from acceptance.health import NO_ANSWERS, ask, described, is_page
from acceptance.kserve.installation import NAMESPACE, namespace_of
from acceptance.kserve.service import not_ready
from acceptance.kubernetes.client import SECONDS, Cluster, readable
from acceptance.kubernetes.port_forward import Forward
from acceptance.kubernetes.rights import Right, missing_rights
from acceptance.kubernetes.view import is_ready

# the newest first; its manifests give the name as this label too
NAMES = ("kserve-models-web-application", "kserve-models-web-app", "models-web-app")
LABEL = "app.kubernetes.io/component"
NAMESPACES = (NAMESPACE, "kubeflow")
USER_HEADER = "kubeflow-userid"
REACH = Right(("get", "create"), "pods/portforward", "asking the models web app")
# where a person's own port-forward ends; not a port of a predictor
LOCAL_PORT = 8090
GET_IN = "docs/kserve.md#the-models-web-app says how the suite gets in"
GRANT = "have that user by its name, not by a group, granted list on inferenceservices.serving.kserve.io"


@dataclass(frozen=True)
class WebApp:
    """Its Service: where, its port, the pods behind it by their labels, and their port, a number or a name.

    `kubectl`: the beginning of a command on its cluster.
    """

    kubectl: str
    namespace: str
    name: str
    port: int
    target: int | str
    selector: str

    def __str__(self) -> str:
        return f"the models web app {self.namespace}/{self.name}"

    def way_in(self, namespace: str, name: str) -> str:
        """Say how a person opens its page of an InferenceService."""
        forward = f"{self.kubectl} -n {self.namespace} port-forward service/{self.name} {LOCAL_PORT}:{self.port}"
        return f"{forward}, then http://localhost:{LOCAL_PORT}/details/{namespace}/{name}"


@dataclass(frozen=True)
class Shown:
    """What the app shows of an InferenceService: why it isn't ready, "" where it is, and how a person opens it."""

    app: str
    name: str
    not_ready: str
    way_in: str


def not_shown_ready(shown: Shown) -> Problem | None:
    if not shown.not_ready:
        return None
    return Problem(
        f"{shown.app} does not show InferenceService {shown.name} as ready: {shown.not_ready}",
        "compare with `kubectl get inferenceservices`; the app has what the API server of its own cluster tells it",
    )


# --- finding it


def find_web_app(cluster: Cluster) -> WebApp | Problem:
    """Return the cluster's web app, or that there is none, or that this account may not look where it usually is."""
    with cluster.api_errors("looking for the models web app"), cluster.api() as api:
        core = client.CoreV1Api(api)
        places = list(dict.fromkeys((namespace_of(api), *NAMESPACES)))
        hidden = []
        for place in places:
            found = readable(partial(core.list_namespaced_service, place, _request_timeout=SECONDS))
            if found is None:
                hidden.append(place)
            elif service := next(filter(is_web_app, found.items), None):
                return web_app_of(service, cluster)
        labelled = f"{LABEL} in ({', '.join(NAMES)})"
        found = readable(
            partial(core.list_service_for_all_namespaces, label_selector=labelled, _request_timeout=SECONDS)
        )
    if found and found.items:
        return web_app_of(found.items[0], cluster)
    if hidden and found is None:
        return Problem(
            f"no models web app found: this account may not list the Services of namespace {', '.join(hidden)}",
            "have that granted, if the cluster has one",
        )
    where = "the cluster" if found else f"namespace {', '.join(places)}, where this account may look,"
    return Problem(f"{where} has no models web app: no Service {' or '.join(NAMES)}")


def is_web_app(service: Any) -> bool:
    return service.metadata.name in NAMES or (service.metadata.labels or {}).get(LABEL) in NAMES


def web_app_of(service: Any, cluster: Cluster) -> WebApp:
    port = service.spec.ports[0]
    selector = ",".join(f"{name}={value}" for name, value in (service.spec.selector or {}).items())
    about = service.metadata
    return WebApp(cluster.kubectl, about.namespace, about.name, port.port, port.target_port or port.port, selector)


# --- asking it


def look_at_web_app(cluster: Cluster, app: WebApp, namespace: str, name: str) -> Shown | Problem:
    """Return what the app shows of an InferenceService, or why this account can't ask it.

    Raises AcceptanceError where the app does not work.
    """
    found = running_pod(cluster, app)
    if isinstance(found, Problem):
        return found
    pod, port = found
    with contextlib.closing(Forward(cluster, app.namespace, lambda: pod, port)) as forward:
        return ask_web_app(app, forward.address, user_of(cluster), namespace, name)


def running_pod(cluster: Cluster, app: WebApp) -> tuple[str, int] | Problem:
    """Return a pod of it that is ready and its port, or the right that reaching it takes."""
    if lacking := missing_rights(cluster, [REACH], app.namespace).get(REACH):
        return lacking
    with cluster.api_errors(f"looking for the pods of {app}"), cluster.api() as api:
        found = readable(
            lambda: client.CoreV1Api(api).list_namespaced_pod(
                app.namespace, label_selector=app.selector, _request_timeout=SECONDS
            )
        )
    if found is None:
        return Problem(
            f"{app} can't be asked: this account may not list the pods of namespace {app.namespace}", "have it granted"
        )
    pod = next((one for one in found.items if app.selector and is_ready(one)), None)
    if not pod:
        look = f"`{app.kubectl} -n {app.namespace} describe pods -l {app.selector}`"
        raise AcceptanceError(Problem(f"{app} has no pod that is ready", f"look at {look}"))
    return pod.metadata.name, port_of(pod, app)


def port_of(pod: Any, app: WebApp) -> int:
    if isinstance(app.target, int):
        return app.target
    ports = [port for container in pod.spec.containers for port in container.ports or []]
    found = next((port.container_port for port in ports if port.name == app.target), None)
    if found is None:
        raise AcceptanceError(Problem(f"{app} leads to port {app.target}, which its pod has not", "see its Service"))
    return found


def user_of(cluster: Cluster) -> str:
    """Return whom the API server knows this account as, "" where it doesn't say."""
    with cluster.api_errors("asking who this account is"), cluster.api() as api:
        review = client.V1SelfSubjectReview()
        found = readable(
            lambda: client.AuthenticationV1Api(api).create_self_subject_review(review, _request_timeout=SECONDS)
        )
    return found.status.user_info.username or "" if found and found.status else ""


def ask_web_app(app: WebApp, address: str, user: str, namespace: str, name: str) -> Shown | Problem:
    """Return what the app at a `host:port` shows the user of an InferenceService, or how it refuses the user.

    Raises AcceptanceError where it answers neither.
    """
    look = f"look at `{app.kubectl} -n {app.namespace} logs service/{app.name}`"
    try:
        answer = ask(
            "get",
            f"http://{address}/api/namespaces/{namespace}/inferenceservices",
            headers={USER_HEADER: user.encode()} if user else {},
        )
    except requests.RequestException as error:
        raise AcceptanceError(Problem(f"{app} does not answer: {root_words(error)}", look)) from error
    if answer.status_code in NO_ANSWERS or (answer.status_code == 200 and is_page(answer)):
        asked = f"user {user}" if user else "a request without a user"
        return Problem(
            f"{app} refuses {asked}: {described(answer)}",
            f"{GRANT}; {GET_IN}" if user and answer.status_code == 403 else GET_IN,
        )
    try:
        listed = {one["metadata"]["name"]: one for one in answer.json()["inferenceServices"]}
    except (ValueError, LookupError, TypeError):
        raise AcceptanceError(
            Problem(f"{app} answers with no list of InferenceServices: {described(answer)}", look)
        ) from None
    missing = f"it is not among the {len(listed)} that the app lists of namespace {namespace}"
    why = not_ready(listed[name]) if name in listed else missing
    return Shown(str(app), name, why, app.way_in(namespace, name))
