"""The objects that KServe gets, and what is read in its status."""

import re
from types import SimpleNamespace

import pytest
from kubernetes import client

from acceptance.kserve import service
from acceptance.kserve.installation import Installation
from acceptance.kserve.runtime import Runtime, own_runtime

STANDARD = Installation("0.20.0", "Standard")
SOURCE = "s3://models/ci/models/triton-cpu-1"
THEIRS = Runtime("theirs", own_runtime().spec)
VARIABLES = {
    "AWS_ENDPOINT_URL_S3": "https://minio.storage:9000",
    "AWS_DEFAULT_REGION": "eu-1",
    "AWS_ACCESS_KEY_ID": "an id",
    "AWS_SECRET_ACCESS_KEY": "a secret",
}


def test_the_secret_says_how_the_store_is_reached_and_the_account_lists_it():
    secret, account = service.reader(VARIABLES, "")
    assert secret["metadata"]["annotations"] == {
        "serving.kserve.io/s3-endpoint": "minio.storage:9000",
        "serving.kserve.io/s3-usehttps": "1",
        "serving.kserve.io/s3-verifyssl": "1",
        "serving.kserve.io/s3-region": "eu-1",
    }
    assert secret["stringData"] == {"AWS_ACCESS_KEY_ID": "an id", "AWS_SECRET_ACCESS_KEY": "a secret"}
    assert account["secrets"] == [{"name": secret["metadata"]["name"]}]


def test_an_authority_of_the_stores_own_is_named_and_plain_http_verifies_nothing():
    plain = {**VARIABLES, "AWS_ENDPOINT_URL_S3": "http://minio:9000"}
    (secret, _), (other, _) = service.reader(VARIABLES, "authority"), service.reader(plain, "")
    assert secret["metadata"]["annotations"]["serving.kserve.io/s3-cabundle-configmap"] == "authority"
    assert other["metadata"]["annotations"]["serving.kserve.io/s3-usehttps"] == "0"
    assert other["metadata"]["annotations"]["serving.kserve.io/s3-verifyssl"] == "0"


def test_a_runtime_of_the_clusters_is_named_and_one_of_the_runs_has_the_predictors_name():
    (theirs,) = service.inference_service("triton-cpu-1", SOURCE, THEIRS, STANDARD)
    runtime, own = service.inference_service("triton-cpu-1", SOURCE, own_runtime(), STANDARD)
    assert theirs["spec"]["predictor"]["model"]["runtime"] == "theirs"
    assert own["spec"]["predictor"]["model"]["runtime"] == "triton-cpu-1"
    assert runtime["kind"] == "ServingRuntime"
    for made in (theirs, own):
        assert made["spec"]["predictor"]["model"]["storageUri"] == SOURCE
        assert made["metadata"]["annotations"] == {}


def test_the_mode_is_asked_for_where_the_default_is_another():
    (made,) = service.inference_service(
        "triton-cpu-1", SOURCE, THEIRS, Installation("0.15.0", "Knative")
    )  # and no Knative
    assert made["metadata"]["annotations"] == {"serving.kserve.io/deploymentMode": "RawDeployment"}


def test_the_pod_that_is_tried_out_is_one_that_kserves_webhook_takes_for_its_own():
    _, made = service.inference_service("triton-cpu", SOURCE, own_runtime(), STANDARD)
    pod = service.trial_pod("triton-cpu", SOURCE, own_runtime(), made)
    assert pod["metadata"]["labels"]["serving.kserve.io/inferenceservice"] == "triton-cpu"
    assert pod["metadata"]["annotations"] == {"internal.serving.kserve.io/storage-initializer-sourceuri": SOURCE}
    (container,) = pod["spec"]["containers"]
    assert container["args"] == own_runtime().container["args"]
    assert container["securityContext"] == made["spec"]["predictor"]["model"]["securityContext"]
    assert pod["spec"]["serviceAccountName"] == made["spec"]["predictor"]["serviceAccountName"]


# --- its status


def said(*conditions, **status):
    model = {"storageUri": SOURCE, "runtime": "theirs"}
    return {
        "metadata": {"name": "triton-cpu-1"},
        "spec": {"predictor": {"model": model}},
        "status": {"conditions": list(conditions), **status},
    }


@pytest.mark.parametrize(
    ("conditions", "words"),
    [
        ([{"type": "Ready", "status": "True"}], ""),
        # what is not all of it may be
        ([{"type": "PredictorReady", "status": "True"}], "has not said anything"),
        ([], "has not said anything"),
        (
            [{"type": "Ready", "status": "False", "reason": "Stopped"}, {"type": "IngressReady", "status": "True"}],
            "Ready: Stopped",
        ),
        (
            [
                {"type": "Ready", "status": "Unknown"},
                {"type": "PredictorReady", "status": "False", "reason": "Minimum", "message": "it lacks a replica"},
            ],
            "PredictorReady: Minimum it lacks a replica",
        ),
    ],
)
def test_ready_is_what_the_condition_of_that_name_says(conditions, words):
    found = service.read_service(said(*conditions, deploymentMode="Standard"))
    assert (found.source, found.runtime, found.mode) == (SOURCE, "theirs", "Standard")
    assert words in found.not_ready
    assert bool(found.not_ready) is bool(words)
    assert (service.not_called_ready(found) is None) is not bool(words)


def test_a_source_beneath_another_place_is_said():
    found = service.read_service(said())
    assert service.other_source(found, "s3://models/ci") is None
    problem = service.other_source(found, "s3://models/c")
    assert problem
    assert SOURCE in problem.what


@pytest.mark.parametrize(
    ("failure", "words"),
    [
        ({"reason": "RuntimeNotRecognized", "message": "no runtime blue"}, "RuntimeNotRecognized: no runtime blue"),
        ({"reason": "RuntimeDisabled"}, "RuntimeDisabled"),
        # its pod says more, and may be made again
        ({"reason": "ModelLoadFailed", "message": "exit code 1"}, ""),
        ({}, ""),
    ],
)
def test_hopeless_is_what_no_pod_will_ever_be_made_of(failure, words):
    assert service.hopeless(said(modelStatus={"lastFailureInfo": failure})) == words
    assert service.hopeless(said()) == ""


ASKED = {"spec": {"predictor": {"deploymentStrategy": {"rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}}}}}


@pytest.mark.parametrize(
    ("has", "words"),
    [
        ({"type": "RollingUpdate", "surge": 1, "unavailable": 0}, "maxSurge 1, maxUnavailable 0"),
        (
            {"type": "RollingUpdate", "surge": "25%", "unavailable": "25%"},
            "maxUnavailable 25%, where .*maxSurge 1",
        ),
        ({"type": "Recreate"}, "Recreate, where the InferenceService asks for .*the site's default"),
        (None, "was asked for; this account may not read"),
    ],
)
def test_a_rollout_strategy_that_is_not_the_one_asked_for_is_named(has, words):
    deployment = None
    if has:
        rolling = client.V1RollingUpdateDeployment(max_surge=has.get("surge"), max_unavailable=has.get("unavailable"))
        strategy = client.V1DeploymentStrategy(
            type=has["type"], rolling_update=rolling if has["type"] == "RollingUpdate" else None
        )
        deployment = SimpleNamespace(spec=SimpleNamespace(strategy=strategy))
    assert re.fullmatch(f".*{words}.*", service.strategy(ASKED, deployment))
