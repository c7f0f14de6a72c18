"""What a site asks of pods is in every manifest that has pods, KServe's too, and nowhere else."""

import copy

import pytest

from acceptance.gpu.node import GPU_RESOURCE
from acceptance.images import read_images
from acceptance.kubernetes import manifests
from acceptance.kubernetes.gpu_diagnosis import no_gpu
from acceptance.kubernetes.gpu_nodes import choose
from acceptance.kubernetes.namespace import Namespace
from acceptance.kubernetes.pod_rules import follow
from acceptance.kubernetes.view import name_of
from acceptance.paths import MANIFESTS
from acceptance.settings import PodRules
from tests.unit.kubernetes.api_server import cluster_of
from tests.unit.kubernetes.recorded import Recorded, a_node
from tests.unit.problems import assert_problem

MIG = "nvidia.com/mig-1g.5gb"
RULES = PodRules(
    labels={"team": "ml"},
    annotations={"owner": "platform"},
    node_selector={"disk": "fast"},
    tolerations=({"key": "spot", "operator": "Exists"},),
    priority_class="high",
    runtime_class="nvidia-cdi",
    gpu_resource=MIG,
    storage_class="fast",
    pull_secret="platform/registry",  # noqa: S106
)
COMPONENTS = sorted(folder.name for folder in MANIFESTS.iterdir() if folder.is_dir())
# NVIDIA's, which is no pod of a run's
WITH_PODS = [
    manifest
    for component in COMPONENTS
    if component != "device-plugin"
    for manifest in manifests.read_component(component)
    if manifests.pod_of(manifest) and manifest["kind"] != "ServingRuntime"
]


def after(manifest, rules=RULES):
    found = copy.deepcopy(manifest)
    follow(found, rules)
    return found


@pytest.mark.parametrize(
    "manifest", WITH_PODS, ids=lambda manifest: f"{manifest['kind']}-{manifest['metadata']['name']}"
)
def test_every_pod_follows_the_rules(manifest):
    found = after(manifest)
    pod = manifests.pod_of(found)
    assert pod
    assert pod["metadata"]["labels"]["team"] == found["metadata"]["labels"]["team"] == "ml"
    assert pod["metadata"]["annotations"]["owner"] == found["metadata"]["annotations"]["owner"] == "platform"
    assert pod["spec"]["nodeSelector"] == {"kubernetes.io/arch": "amd64", "disk": "fast"}
    assert {"key": "spot", "operator": "Exists"} in pod["spec"]["tolerations"]
    assert pod["spec"]["priorityClassName"] == "high"
    assert pod["spec"]["imagePullSecrets"] == [{"name": "registry"}]
    assert GPU_RESOURCE not in str([one.get("resources") for one in manifests.containers_of(found)])


def test_pods_on_a_gpu_keep_what_lets_them_there():
    (pod,) = manifests.read_component("gpu-probe")
    assert after(pod)["spec"]["tolerations"][0]["key"] == GPU_RESOURCE
    assert after(pod)["spec"]["containers"][0]["resources"]["limits"][MIG] == "1"


def test_no_rules_leave_manifests_as_they_are():
    for component in COMPONENTS:
        for manifest in manifests.read_component(component):
            assert after(manifest, PodRules()) == manifest


def test_the_quota_counts_gpus_by_their_name_there():
    quota = after(manifests.read_kind("namespace", "ResourceQuota"))
    assert quota["spec"]["hard"][f"requests.{MIG}"] == "2"
    assert f"requests.{GPU_RESOURCE}" not in quota["spec"]["hard"]


@pytest.mark.parametrize("component", ["mlflow", "minio"])
def test_what_is_kept_is_on_a_claim_of_the_class_that_goes_with_its_pod(component):
    found = after(manifests.read_kind(component, "Deployment"))
    (volume,) = [one for one in found["spec"]["template"]["spec"]["volumes"] if one["name"] == "storage"]
    claim = volume["ephemeral"]["volumeClaimTemplate"]["spec"]
    assert (claim["storageClassName"], claim["accessModes"]) == ("fast", ["ReadWriteOnce"])
    assert "emptyDir" not in volume


def test_a_runtime_of_kserves_gets_none_of_it_since_the_inference_service_has_it():
    runtime = manifests.read_kind("kserve", "ServingRuntime")
    assert after(runtime) == runtime


def test_a_namespace_puts_them_in_and_takes_the_named_runtime_class_for_pods_with_a_gpu(api_server, tmp_path):
    cluster = cluster_of(tmp_path, api_server.address)
    namespace = Namespace(cluster, "run", read_images(None), tmp_path, rules=RULES)
    for component in ("gpu-probe", "load"):
        (manifest,) = manifests.read_component(component)
        namespace.create(manifest)
    probe, load = api_server.created
    assert probe["spec"]["runtimeClassName"] == "nvidia-cdi"
    assert "runtimeClassName" not in load["spec"]["template"]["spec"]
    assert [one["metadata"]["labels"]["team"] for one in api_server.created] == ["ml", "ml"]
    # the cluster isn't asked for its own
    assert api_server.asked == []


# --- the GPU's node


def nodes():
    return Recorded([a_node("n1", {"disk": "slow"}, gpu="1"), a_node("n2", {"disk": "fast"}, gpu="1")])


def test_the_gpus_node_is_one_that_the_selector_picks():
    assert name_of(choose(nodes(), {"disk": "fast"})) == "n2"
    assert name_of(choose(nodes(), {"disk": "slow"})) == "n1"
    assert no_gpu(nodes(), {"disk": "fast"}) is None


def test_a_selector_that_picks_no_node_with_a_gpu_says_which_have_one():
    cluster = Recorded([a_node("n1", {"disk": "slow"}, gpu="1"), a_node("n2", {"disk": "fast"})])
    assert_problem(
        no_gpu(cluster, {"disk": "fast"}),
        "no node with disk=fast advertises nvidia.com/gpu, only n1",
        "correct --node-selector",
    )


def test_gpus_by_another_name_are_found_by_it():
    cluster = Recorded([a_node("n1", {}, gpu="0")])
    cluster.answers["nodes"][0].status.allocatable[MIG] = "2"
    assert_problem(no_gpu(cluster), "no node")
    cluster.gpu = MIG
    assert no_gpu(cluster) is None


def test_pods_go_to_nodes_of_another_architecture_where_a_site_has_images_for_it():
    (pod,) = manifests.read_component("gpu-probe")
    arm = {"kubernetes.io/arch": "arm64"}
    assert after(pod, PodRules(node_selector=arm))["spec"]["nodeSelector"] == arm
