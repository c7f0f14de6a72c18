"""The objects that Seldon gets, and what is read in its status."""

import pytest

from acceptance.kubernetes import manifests, own_names, pod_rules
from acceptance.kubernetes.gateways import policy
from acceptance.kubernetes.owner_diagnosis import refusal_fix
from acceptance.seldon import deployment as seldon
from acceptance.serving.repository import MODEL
from acceptance.settings import PodRules

SOURCE = "s3://models/ci/models/triton-cpu-1/1"
VARIABLES = {
    "AWS_ENDPOINT_URL_S3": "http://minio.storage:9000",
    "MLFLOW_S3_ENDPOINT_URL": "http://minio.storage:9000",
    "AWS_DEFAULT_REGION": "eu-1",
    "AWS_ACCESS_KEY_ID": "an id",
    "AWS_SECRET_ACCESS_KEY": "a secret",
}


def test_the_secret_is_rclones_and_has_nothing_that_is_not_set():
    secret = seldon.reader(VARIABLES)
    assert secret["stringData"] == {
        "RCLONE_CONFIG_S3_TYPE": "s3",
        "RCLONE_CONFIG_S3_PROVIDER": "Other",
        "RCLONE_CONFIG_S3_ENV_AUTH": "false",
        "RCLONE_CONFIG_S3_ENDPOINT": "http://minio.storage:9000",
        "RCLONE_CONFIG_S3_ACCESS_KEY_ID": "an id",
        "RCLONE_CONFIG_S3_SECRET_ACCESS_KEY": "a secret",
        "RCLONE_CONFIG_S3_REGION": "eu-1",
    }
    assert "RCLONE_CONFIG_S3_SESSION_TOKEN" in seldon.reader({**VARIABLES, "AWS_SESSION_TOKEN": "t"})["stringData"]


def test_graph_container_and_ports_are_those_that_seldon_takes_for_one():
    made = seldon.seldon_deployment(SOURCE)
    (predictor,) = made["spec"]["predictors"]
    (container,) = manifests.containers_of(made)
    assert predictor["graph"]["modelUri"] == SOURCE
    assert predictor["graph"]["envSecretRefName"] == seldon.reader(VARIABLES)["metadata"]["name"]
    assert predictor["name"] == seldon.PREDICTOR
    # the model's name in every URL is the graph's, and Seldon changes the container of that name
    assert predictor["graph"]["name"] == container["name"] == MODEL
    # Seldon sets the ports by these names
    ports = {port["name"]: port["containerPort"] for port in container["ports"]}
    assert ports == {name: seldon.PORTS[name] for name in ("http", "grpc")}
    assert {f"--{name}-port={port}" for name, port in ports.items()} <= set(container["args"])
    assert f"--model-repository={seldon.MODELS}" in container["args"]


def test_all_that_a_site_asks_of_pods_and_the_gpu_are_in_the_one_component():
    made = seldon.seldon_deployment(SOURCE)
    rules = PodRules(
        labels={"team": "ml"},
        annotations={"owner": "us"},
        node_selector={"pool": "gpu"},
        tolerations=({"key": "spot", "operator": "Exists"},),
        priority_class="high",
        pull_secret="there/login",  # noqa: S106
        gpu_resource="nvidia.com/mig-1g.10gb",
    )
    manifests.ask_for_gpu(made, MODEL)
    manifests.keep_to_node(made, "n1")
    pod_rules.follow(made, rules)
    described = made["spec"]["predictors"][0]["componentSpecs"][0]
    spec = described["spec"]
    assert described["metadata"]["labels"]["team"] == "ml"
    assert described["metadata"]["annotations"] == {"owner": "us"}
    assert spec["nodeSelector"] == {"kubernetes.io/arch": "amd64", "pool": "gpu"}
    assert [one["key"] for one in spec["tolerations"]] == ["nvidia.com/gpu", "spot"]
    assert (spec["priorityClassName"], spec["imagePullSecrets"]) == ("high", [{"name": "login"}])
    assert spec["containers"][0]["resources"]["limits"]["nvidia.com/mig-1g.10gb"] == "1"
    assert "n1" in str(spec["affinity"])


def test_in_a_namespace_of_others_it_names_the_runs_own_secret():
    made = own_names.rename(seldon.seldon_deployment(SOURCE), "0a1b2c3d")
    assert manifests.graph_of(made)["envSecretRefName"] == "model-reader-0a1b2c3d"
    assert made["metadata"]["name"] == "triton-0a1b2c3d"


def test_the_pod_that_is_tried_out_has_what_copies_the_model_as_seldon_adds_it():
    made = seldon.seldon_deployment(SOURCE)
    pod = seldon.trial_pod("triton-cpu", made)
    (initializer,) = pod["spec"]["initContainers"]
    assert initializer["name"] == "cifar10-model-initializer"
    assert "securityContext" not in initializer
    assert pod["metadata"]["labels"]["seldon-deployment-id"] == "triton-cpu"
    assert "initContainers" not in str(made)


def test_the_refusal_of_what_copies_the_model_names_the_option_that_allows_it():
    words = 'violates PodSecurity "restricted:latest": allowPrivilegeEscalation != false (container "{}" must set ...)'
    assert "--pod-security baseline" in refusal_fix(words.format(seldon.INITIALIZER), "run", "")
    assert "--pod-security" not in refusal_fix(words.format("other"), "run", "")


def test_a_gateways_policy_is_for_pods_of_seldons():
    (expression,) = policy("istio-system", (9000,), seldon.OF_DEPLOYMENT)["spec"]["podSelector"]["matchExpressions"]
    assert expression["key"] == "seldon-deployment-id"


def test_names_are_those_that_seldon_gives():
    assert seldon.deployment_of("triton-cpu-1") == "triton-cpu-1-default-0-cifar10"
    assert seldon.path_of("run", "triton-cpu-1") == "/seldon/run/triton-cpu-1"
    url = "http://triton-cpu-1-default.run.svc.cluster.local:9000/v2/models/cifar10/infer"
    found = {"status": {"address": {"url": url}}}
    assert seldon.inside(found, "triton-cpu-1") == "triton-cpu-1-default.run.svc.cluster.local:9000"
    assert seldon.inside({}, "triton-cpu-1") == "triton-cpu-1-default:9000"


STUCK = {"d-0": {"status": "Progressing", "description": "0 of 1 updated replicas are available"}}


@pytest.mark.parametrize(
    ("status", "waits_for", "failed"),
    [
        ({"state": "Available", "deploymentStatus": {"d-0": {"status": "Available"}}}, "", ""),
        (None, "Seldon has not said anything", ""),
        ({"state": "Creating"}, "Creating", ""),
        ({"state": "Creating", "deploymentStatus": STUCK}, "Creating: Deployment d-0: 0 of 1 updated", ""),
        ({"state": "Failed", "description": "no secret"}, "Failed: no secret", "no secret"),
        ({"state": "Failed", "deploymentStatus": STUCK}, "Failed: Deployment d-0", "Deployment d-0: 0 of 1 updated"),
        ({"state": "Failed"}, "Failed", "it says no more"),
    ],
)
def test_its_state_and_its_own_words_are_told(status, waits_for, failed):
    found = {"status": status} if status is not None else {}
    assert seldon.not_available(found).startswith(waits_for)
    assert bool(seldon.not_available(found)) == bool(waits_for)
    assert seldon.failure(found).startswith(failed)
    assert bool(seldon.failure(found)) == bool(failed)
