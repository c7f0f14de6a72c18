"""An InferenceService: its objects, the pod that KServe would make of it, and what its status says."""

import copy
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from acceptance.errors import Problem
from acceptance.kserve import knative
from acceptance.kserve.installation import KNATIVE, Installation
from acceptance.kserve.runtime import CONTAINER, Runtime
from acceptance.kubernetes import manifests
from acceptance.kubernetes.manifests import Manifest

ACCOUNT = "model-reader"
PREFIX = "serving.kserve.io"
MODE = f"{PREFIX}/deploymentMode"
# "true" has KServe delete all that serves the model, and "false" make it again
STOP = f"{PREFIX}/stop"
# by these KServe's webhook knows a pod of its own, and what to copy for it
OF_SERVICE = f"{PREFIX}/inferenceservice"
SOURCE = f"internal.{PREFIX}/storage-initializer-sourceuri"
# the name that KServe gives what an InferenceService is made of
SUFFIX = "-predictor"
# the init container by which KServe copies the model, and where it puts that
INITIALIZER = "storage-initializer"
MODELS = "/mnt/models"
# the file's name that KServe looks for in the ConfigMap of a certificate authority
AUTHORITY_FILE = "cabundle.crt"
# why its status says that there will never be a pod
HOPELESS = ("NoSupportingRuntime", "RuntimeNotRecognized", "RuntimeDisabled", "InvalidPredictorSpec")


def reader(variables: Mapping[str, str], authority: str) -> list[Manifest]:
    """Return the account of predictors, and the Secret by which KServe reaches the object store for it.

    `variables`: S3's own, as a client has them; `authority`: the ConfigMap of the store's certificate authority, or "".
    """
    address = urlsplit(variables["AWS_ENDPOINT_URL_S3"])
    https = address.scheme == "https"
    about = {"s3-endpoint": address.netloc, "s3-usehttps": str(int(https)), "s3-verifyssl": str(int(https))}
    if region := variables.get("AWS_DEFAULT_REGION"):
        about["s3-region"] = region
    if authority:
        about["s3-cabundle-configmap"] = authority
    keys = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")
    secret = manifests.secret(ACCOUNT, {name: variables[name] for name in keys if name in variables})
    secret["metadata"]["annotations"] = {f"{PREFIX}/{name}": value for name, value in about.items()}
    return [secret, manifests.read_kind("kserve", "ServiceAccount")]


def inference_service(name: str, source: str, runtime: Runtime, installation: Installation) -> list[Manifest]:
    """Return the InferenceService that serves the repository at `source`, after its runtime where that is the run's."""
    found = {one["kind"]: one for one in manifests.read_component("kserve")}
    service = found["InferenceService"]
    service["spec"]["predictor"]["model"].update(storageUri=source, runtime=runtime.name or name)
    if installation.annotation:
        service["metadata"]["annotations"][MODE] = installation.annotation
    if installation.mode == KNATIVE:
        knative.fit_service(service)
        found["ServingRuntime"]["spec"] = knative.fit_runtime(found["ServingRuntime"]["spec"])
    return [service] if runtime.name else [found["ServingRuntime"], service]


def free_gpu_first(service: Manifest) -> None:
    """Have a rollout end the pod that there is before the new one starts: on one GPU they can't be there at once."""
    if strategy := service["spec"]["predictor"].get("deploymentStrategy"):
        strategy["rollingUpdate"] = {"maxSurge": 0, "maxUnavailable": 1}


def trial_pod(name: str, source: str, runtime: Runtime, service: Manifest) -> Manifest:
    """Return a pod as KServe makes it, for the API server to look at: KServe's webhook adds what copies the model."""
    predictor = copy.deepcopy(service["spec"]["predictor"])
    model = predictor.pop("model")
    container: Manifest = {**copy.deepcopy(runtime.container), "name": CONTAINER}
    container |= {key: model[key] for key in ("resources", "securityContext")}
    fields = ("serviceAccountName", "automountServiceAccountToken", "securityContext", "affinity", "tolerations")
    spec = {field: predictor[field] for field in fields if field in predictor}
    if runtime.spec.get("volumes"):
        spec["volumes"] = copy.deepcopy(runtime.spec["volumes"])
    labels = {**predictor["labels"], OF_SERVICE: name}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "labels": labels, "annotations": {SOURCE: source}},
        "spec": {**spec, "containers": [container]},
    }


# --- its status


@dataclass(frozen=True)
class InferenceService:
    """What KServe says of one: where its model comes from, its runtime, its mode, why it isn't ready, and its URL."""

    name: str
    source: str
    runtime: str
    mode: str
    not_ready: str
    url: str = ""

    def __str__(self) -> str:
        return f"InferenceService {self.name}"


def read_service(found: Mapping[str, Any]) -> InferenceService:
    """Return what the API server's object says."""
    model = found["spec"]["predictor"]["model"]
    return InferenceService(
        name=found["metadata"]["name"],
        source=model["storageUri"],
        runtime=model["runtime"],
        mode=found.get("status", {}).get("deploymentMode", ""),
        not_ready=not_ready(found),
        url=found.get("status", {}).get("url", ""),
    )


def strategy(service: Mapping[str, Any], deployment: Any) -> str:
    """Return how the service's Deployment replaces pods, such as `maxSurge 1, maxUnavailable 0`.

    Says so where a site's default has taken the place of what the InferenceService asks for; `deployment` is None where
    this account may not read it.
    """
    asked = service["spec"]["predictor"].get("deploymentStrategy", {}).get("rollingUpdate", {})
    wanted = f"maxSurge {asked.get('maxSurge')}, maxUnavailable {asked.get('maxUnavailable')}"
    if deployment is None:
        return f"{wanted} was asked for; this account may not read the Deployment"
    has = deployment.spec.strategy
    rolling = has.rolling_update
    found = f"maxSurge {rolling.max_surge}, maxUnavailable {rolling.max_unavailable}" if rolling else has.type
    if found == wanted:
        return found
    return f"{found}, where the InferenceService asks for {wanted}: the site's default, or a webhook, has replaced it"


def not_called_ready(service: InferenceService) -> Problem | None:
    if not service.not_ready:
        return None
    return Problem(f"KServe does not call {service} ready: {service.not_ready}", "look at its events and its pods")


def other_source(service: InferenceService, store: str) -> Problem | None:
    """Say that its model comes from elsewhere than `store`, a place such as `s3://bucket/prefix`."""
    if service.source.startswith(f"{store}/"):
        return None
    return Problem(
        f"{service} has its model repository from {service.source}, and the run wrote it beneath {store}",
        "see which admission webhook changed it",
    )


def not_ready(service: Mapping[str, Any]) -> str:
    """Return "" where the InferenceService is Ready, else what its conditions say."""
    conditions = service.get("status", {}).get("conditions", [])
    by_type = {one["type"]: one for one in conditions}
    if by_type.get("Ready", {}).get("status") == "True":
        return ""
    words = [
        f"{one['type']}: {' '.join(filter(None, (one.get('reason'), one.get('message'))))}"
        for one in conditions
        if one.get("status") != "True" and (one.get("reason") or one.get("message"))
    ]
    return "; ".join(words) or "KServe has not said anything of it yet"


def not_stopped(service: Mapping[str, Any]) -> str:
    """Return "" where KServe says that the InferenceService is stopped."""
    conditions = {one["type"]: one["status"] for one in service.get("status", {}).get("conditions", [])}
    if conditions.get("Stopped") == "True":
        return ""
    return f"KServe says that Stopped is {conditions.get('Stopped', 'no condition of it')}"


def hopeless(service: Mapping[str, Any]) -> str:
    """Return why KServe will never make a pod of it, "" where it may."""
    failure = service.get("status", {}).get("modelStatus", {}).get("lastFailureInfo", {})
    if failure.get("reason") not in HOPELESS:
        return ""
    return f"{failure['reason']}: {failure.get('message', '')}".rstrip(": ")
