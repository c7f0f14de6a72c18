"""Knative mode: what is left of the objects, and what the status says, as Knative 1.21 and KServe 0.20 word it."""

import pytest

from acceptance.kserve import knative, service
from acceptance.kserve.installation import Installation
from acceptance.kserve.runtime import Runtime, own_runtime
from acceptance.kubernetes import manifests

KNATIVE = Installation("0.20.0", "Knative", knative=True)
SOURCE = "s3://models/ci/models/triton-cpu-1"
QUEUE_PROXY = "queue.sidecar.serving.knative.dev"
# the fields of a pod and of a container that Knative takes without any of its features (pkg/apis/serving/fieldmask.go),
# and those that KServe has beside them
TAKES = {"serviceAccountName", "automountServiceAccountToken", "volumes", "imagePullSecrets"}
OF_KSERVE = {"model", "labels", "annotations", "minReplicas", "maxReplicas"}
OF_CONTAINER = {
    "name",
    "image",
    "imagePullPolicy",
    "args",
    "ports",
    "readinessProbe",
    "volumeMounts",
    "securityContext",
}
OF_MODEL = {"modelFormat", "protocolVersion", "runtime", "storageUri", "securityContext", "resources"}


def made(installation=KNATIVE):
    return service.inference_service("triton-cpu-1", SOURCE, own_runtime(), installation)


def test_nothing_is_left_that_knative_or_kserve_refuses():
    runtime, found = made()
    predictor = found["spec"]["predictor"]
    assert found["metadata"]["annotations"] == {}
    assert set(predictor) <= TAKES | OF_KSERVE
    assert set(predictor["model"]) <= OF_MODEL
    (container,) = runtime["spec"]["containers"]
    assert set(container) <= OF_CONTAINER
    assert container["ports"] == [{"containerPort": 8080}]
    assert container["readinessProbe"]["httpGet"]["port"] == 8080
    # the component itself is as it was
    assert own_runtime().container["startupProbe"]


def test_the_container_has_the_pods_security_context_and_queue_proxy_what_the_quota_counts():
    _, found = made()
    predictor = found["spec"]["predictor"]
    assert predictor["model"]["securityContext"] == {
        "runAsNonRoot": True,
        "runAsUser": 1000,
        "seccompProfile": {"type": "RuntimeDefault"},
        "allowPrivilegeEscalation": False,
        "capabilities": {"drop": ["ALL"]},
    }
    assert {name for name in predictor["annotations"] if name.startswith(QUEUE_PROXY)} == {
        f"{QUEUE_PROXY}/{resource}-resource-{bound}" for resource in ("cpu", "memory") for bound in ("request", "limit")
    }
    assert (predictor["minReplicas"], predictor["maxReplicas"]) == (1, 1)


def test_the_pod_that_is_tried_out_is_restricted_by_its_container():
    _, found = made()
    pod = service.trial_pod("triton-cpu-1", SOURCE, own_runtime(), found)
    assert "securityContext" not in pod["spec"]
    (container,) = pod["spec"]["containers"]
    assert container["securityContext"]["runAsNonRoot"]
    assert pod["metadata"]["labels"]["serving.kserve.io/inferenceservice"] == "triton-cpu-1"


def test_a_runtime_of_the_clusters_is_left_as_it_is():
    (found,) = service.inference_service("triton-cpu-1", SOURCE, Runtime("theirs", own_runtime().spec), KNATIVE)
    assert found["spec"]["predictor"]["model"]["runtime"] == "theirs"


def test_a_gpu_is_asked_for_in_the_same_places():
    _, found = made()
    manifests.ask_for_gpu(found, "kserve-container")
    assert found["spec"]["predictor"]["model"]["resources"]["limits"]["nvidia.com/gpu"] == "1"


# --- its status

REVISION = "triton-cpu-1-predictor-00001"
IMAGE = "registry.example.com:5000/ml/triton:1"


def said(*conditions, **status):
    about = {"name": "triton-cpu-1", "namespace": "run"}
    return {"metadata": about, "status": {"conditions": list(conditions), **status}}


def no_digest(image, why):
    """Return the conditions of an InferenceService whose image's digest Knative can't resolve."""
    words = f'Revision "{REVISION}" failed with message: Unable to fetch image "{image}": failed to resolve image to '
    words += f"digest: {why}."
    missing = 'Configuration "triton-cpu-1-predictor" does not have any ready Revision.'
    return [
        {"type": "LatestDeploymentReady", "status": "False", "reason": "PredictorConfigurationReady not ready"},
        {"type": "PredictorConfigurationReady", "status": "False", "reason": "RevisionFailed", "message": words},
        {"type": "PredictorReady", "status": "False", "reason": "RevisionMissing", "message": missing},
        {"type": "Ready", "status": "False", "reason": "RevisionMissing", "message": missing},
    ]


@pytest.mark.parametrize(
    ("image", "why", "registry"),
    [
        (IMAGE, 'Get "https://registry.example.com:5000/v2/": x509: unknown authority', "registry.example.com:5000"),
        ("nvidia/triton:1", "HEAD https://index.docker.io/v2/: 401 Unauthorized", "index.docker.io"),
        ("docker.io/nvidia/triton:1", 'Get "https://index.docker.io/v2/": context deadline', "index.docker.io"),
        ("nvcr.io/nvidia/tritonserver:25.08-py3", "dial tcp: connection refused", "nvcr.io"),
    ],
)
def test_a_digest_that_knative_cannot_resolve_is_named_with_the_registry_to_skip(image, why, registry):
    problem = knative.failure_of(said(*no_digest(image, why)))
    assert problem
    assert image in problem.what
    assert why in problem.what
    assert f"add {registry} to registries-skipping-tag-resolving in its ConfigMap config-deployment" in problem.fix


def test_what_knatives_webhook_refuses_is_named_with_the_feature():
    words = (
        'fails to reconcile predictor: admission webhook "validation.webhook.serving.knative.dev" denied the request: '
        "validation failed: must not set the field(s): spec.template.spec.affinity, spec.template.spec.tolerations"
    )
    refused = {"type": "PredictorReady", "status": "False", "reason": "ReconcileFailed", "message": words}
    problem = knative.failure_of(said(refused))
    assert problem
    assert words in problem.what
    features = "kubernetes.podspec-affinity: enabled, kubernetes.podspec-tolerations: enabled in its config-features"
    assert features in problem.fix


def test_what_another_webhook_refuses_is_left_to_whoever_has_it():
    words = 'admission webhook "policy.example.org" denied the request: no latest tags'
    refused = {"type": "PredictorReady", "status": "False", "reason": "ReconcileFailed", "message": words}
    problem = knative.failure_of(said(refused))
    assert problem
    assert words in problem.what
    assert "validatingwebhookconfigurations" in problem.fix


@pytest.mark.parametrize(
    "condition",
    [
        {"type": "PredictorReady", "status": "Unknown", "reason": "ResolvingDigests"},
        # its webhook may be there again
        {
            "type": "PredictorReady",
            "status": "False",
            "reason": "ReconcileFailed",
            "message": 'failed calling webhook "webhook.serving.knative.dev": connection refused',
        },
        # its pod says more
        {
            "type": "PredictorReady",
            "status": "False",
            "reason": "RevisionFailed",
            "message": 'Revision "r" failed with message: Container failed with: exit code 1.',
        },
    ],
)
def test_what_may_pass_or_what_a_pod_says_better_is_no_failure_yet(condition):
    assert knative.failure_of(said(condition)) is None


def test_the_owner_of_the_pods_is_the_latest_revisions_deployment():
    components = {"predictor": {"latestCreatedRevision": REVISION}}
    assert knative.owner_of(said(components=components)) == f"{REVISION}-deployment"
    assert knative.owner_of(said()) == ""


INSIDE = "triton-cpu-1-predictor.run.svc.cluster.local"


@pytest.mark.parametrize(
    ("status", "host"),
    [
        ({"components": {"predictor": {"address": {"url": f"http://{INSIDE}"}}}}, INSIDE),
        ({"address": {"url": "http://triton-cpu-1.run.svc.cluster.local"}}, "triton-cpu-1.run.svc.cluster.local"),
        ({}, INSIDE),
    ],
)
def test_the_address_inside_is_the_predictors_whole_name(status, host):
    assert knative.address_of(said(**status)) == host
