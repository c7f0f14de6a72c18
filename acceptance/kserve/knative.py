"""KServe's Knative mode: what Knative Serving takes of a pod, what it names it, and why it makes none."""

import copy
import re
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import urlsplit

from acceptance.errors import Problem
from acceptance.kubernetes.manifests import Manifest

REVISION = "serving.knative.dev/revision"
QUEUE_PROXY = "queue.sidecar.serving.knative.dev"
# the run's quota wants all four of every container, and by default queue-proxy has the first alone
RESOURCES = {
    "cpu-resource-request": "25m",
    "cpu-resource-limit": "1",
    "memory-resource-request": "400Mi",
    "memory-resource-limit": "800Mi",
}
# over how long Knative looks at a revision's load: for so long it also keeps one that nothing is sent to any more
WINDOW, SHORTEST = "autoscaling.knative.dev/window", "6s"
# queue-proxy keeps a pod that ends for 30 s, until nobody sends it requests, and then lets it end
DRAIN_SECONDS = 45
# an image whose digest Knative's controller can't ask its registry for
NO_DIGEST = "Unable to fetch image"
IMAGE = re.compile(r'Unable to fetch image "([^"]+)"')
# what Knative's webhook says of fields that it doesn't take, and what KServe says then
REFUSED, FIELDS = "denied the request", re.compile(r"must not set the field\(s\): (.+?)(?:\n|$)")
RECONCILE_FAILED = "ReconcileFailed"


def fit_service(service: Manifest) -> None:
    """Leave of an InferenceService what Knative takes: revisions replace each other, and it ends pods its own way.

    Knative takes a security context of containers, and one of pods only by a feature that is off by default. The
    folder that the model is copied to is anybody's to write, so that no group is needed for it.
    """
    predictor = service["spec"]["predictor"]
    model, of_pod = predictor["model"], predictor.pop("securityContext", {})
    # selectors of nodes are such a feature too
    for field in ("deploymentStrategy", "terminationGracePeriodSeconds", "nodeSelector"):
        predictor.pop(field, None)
    model.pop("lifecycle", None)
    of_pod.pop("fsGroup", None)
    model["securityContext"] = {**of_pod, **model.get("securityContext", {})}
    wanted = {f"{QUEUE_PROXY}/{name}": value for name, value in RESOURCES.items()} | {WINDOW: SHORTEST}
    predictor["annotations"] = {**predictor.get("annotations", {}), **wanted}


def fit_runtime(spec: Manifest) -> Manifest:
    """Return a runtime of the run's own as Knative takes it: a port without a name, and the one probe that it asks.

    Startup probes are taken by its newest versions alone, and a liveness probe kills a server that is still loading.
    The pod's own address can't be asked for, and needn't be: queue-proxy asks at 127.0.0.1, whatever the cluster's is.
    """
    spec = copy.deepcopy(spec)
    for container in spec["containers"]:
        ports = {port.pop("name", ""): port["containerPort"] for port in container.get("ports", [])}
        for field in ("startupProbe", "livenessProbe", "env"):
            container.pop(field, None)
        asked = container.get("readinessProbe", {}).get("httpGet", {})
        if asked.get("port") in ports:
            asked["port"] = ports[asked["port"]]
    return spec


def revision_of(service: Mapping[str, Any]) -> str:
    """Return the InferenceService's latest revision, "" while there is none."""
    return predictor_of(service).get("latestCreatedRevision", "")


def owner_of(service: Mapping[str, Any]) -> str:
    """Return the Deployment of the InferenceService's latest revision, "" while there is none."""
    revision = revision_of(service)
    return f"{revision}-deployment" if revision else ""


def address_of(service: Mapping[str, Any]) -> str:
    """Return the host by which pods reach the predictor: Knative's gateway inside the cluster knows no shorter name."""
    for one in (predictor_of(service), service.get("status", {})):
        if host := urlsplit(one.get("address", {}).get("url", "")).netloc:
            return host
    return f"{service['metadata']['name']}-predictor.{service['metadata']['namespace']}.svc.cluster.local"


def predictor_of(service: Mapping[str, Any]) -> Mapping[str, Any]:
    return service.get("status", {}).get("components", {}).get("predictor", {})


def failure_of(service: Mapping[str, Any]) -> Problem | None:
    """Return why Knative makes no pod of it, where waiting doesn't help, and what does."""
    for message in said(service, ""):
        if NO_DIGEST in message:
            found = IMAGE.search(message)
            registry = registry_of(found[1]) if found else "the registry"
            return Problem(
                f"Knative can't resolve the image's digest: {message}",
                f"its controller asks the registry by itself, with no node's login, authority or proxy: add {registry} "
                "to registries-skipping-tag-resolving in its ConfigMap config-deployment, or have the controller reach "
                "and trust the registry (SSL_CERT_DIR, HTTPS_PROXY)",
            )
    for message in said(service, RECONCILE_FAILED):
        if REFUSED in message:
            return Problem(f"what KServe makes of it is refused: {message}", refusal_fix(message))
    return None


def refusal_fix(message: str) -> str:
    """Return what has a webhook take what KServe makes: Knative takes some fields of a pod by a feature of each."""
    if not (fields := FIELDS.search(message)):
        return "`kubectl get validatingwebhookconfigurations` shows who may refuse it"
    keys = [f"kubernetes.podspec-{field.rpartition('.')[2].lower()}: enabled" for field in fields[1].split(", ")]
    return f"a pod on a GPU needs some that Knative doesn't take by default: {', '.join(keys)} in its config-features"


def said(service: Mapping[str, Any], reason: str) -> Iterator[str]:
    """Yield what the conditions that aren't true say for the reason, "" for any."""
    for one in service.get("status", {}).get("conditions", []):
        if one.get("status") != "True" and reason in ("", one.get("reason")):
            yield one.get("message", "")


def registry_of(image: str) -> str:
    """Return the registry that Knative knows an image's by; Docker Hub's has another name than people give it."""
    first, slash, _ = image.partition("/")
    named = bool(slash) and ("." in first or ":" in first or first == "localhost")
    return "index.docker.io" if not named or first == "docker.io" else first
