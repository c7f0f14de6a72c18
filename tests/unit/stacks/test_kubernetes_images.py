"""What a run does with what registries say of its images: the registry is made up, and so is the cluster."""

import pytest
import yaml

from acceptance.kubernetes.architectures import LABEL
from acceptance.stacks.protocol import Part
from tests.made_up_registry import MadeUpRegistry, running
from tests.unit.stacks.test_kubernetes import stack_on
from tests.unit.stacks.test_kubernetes_preflight import CPU, NOT_FOUND, StrictCluster, created, failure

KEYS = ("trainer", "vegeta", "triton")
GPUS = {"nvidia.com/gpu": "1"}


class Cluster(StrictCluster):
    """A node with a GPU and no image, and one without either, both of an architecture."""

    def __init__(self, arch="amd64", **more):
        super().__init__(**more)
        nodes = {"n1": {"capacity": GPUS, "allocatable": GPUS}, "n2": {}}
        self.objects["/api/v1/nodes"] = {
            name: {"metadata": {"name": name, "uid": name, "labels": {LABEL: arch}}, "status": status}
            for name, status in nodes.items()
        }

    def spec_of(self, name):
        (pod,) = [one for one in self.created if one["metadata"]["name"] == name and one["kind"] == "Pod"]
        return pod["spec"]


@pytest.fixture
def registry():
    with running(MadeUpRegistry()) as registry:
        for key in KEYS:
            registry.put_index(f"ml/{key}:1", "amd64", "arm64")
        yield registry


@pytest.fixture
def given(registry, tmp_path):
    """The option by which the run has its images from the registry."""
    file = tmp_path / "images.yaml"
    file.write_text(yaml.safe_dump({key: f"{registry.host}/ml/{key}:1" for key in KEYS}))
    return {"images": str(file)}


def test_what_the_registry_has_not_is_said_before_anything_is_made_of_it(registry, given, tmp_path):
    del registry.manifests["/v2/ml/triton/manifests/1"]
    cluster, name = Cluster(), f"{registry.host}/ml/triton:1"
    assert failure(cluster, tmp_path, CPU, **given).startswith(f"image {name}: registry {registry.host} has no {name}")
    assert sorted(created(cluster, "Pod")) == ["image-trainer", "image-vegeta"]
    assert created(cluster, "Deployment") == []


def test_the_pods_of_a_run_follow_its_images_and_the_report_has_their_digests(registry, given, tmp_path):
    digest = registry.put_single("ml/trainer:1", "arm64")
    cluster = Cluster(arch="arm64")
    with stack_on(cluster, tmp_path, **given) as stack:
        stack.look_ahead({*CPU, Part("training", "gpu")})
        versions = stack.facts().versions
    assert versions[f"image {registry.host}/ml/trainer:1"] == f"{digest}, for arm64"
    assert len([name for name in versions if name.startswith("image ")]) == len(KEYS)
    assert "not checked" not in versions
    for name in ("image-trainer", "image-trainer-on-gpu-node"):
        assert cluster.spec_of(name)["nodeSelector"] == {LABEL: "arm64"}
    assert cluster.spec_of("image-vegeta")["nodeSelector"] == {}
    assert "'operator': 'In', 'values': ['amd64', 'arm64']" in str(cluster.spec_of("image-vegeta")["affinity"])
    (mlflow,) = [one for one in cluster.created if one["kind"] == "Deployment"]
    assert mlflow["spec"]["template"]["spec"]["nodeSelector"] == {LABEL: "arm64"}


def test_a_pod_that_can_not_have_its_image_has_the_registrys_word_beside_it(registry, given, tmp_path):
    registry.login = "Basic"
    found = failure(Cluster(images={"triton": NOT_FOUND}), tmp_path, CPU, **given)
    for fact in ("2 problems", "can't have its image", f"image {registry.host}/ml/triton:1: registry", "--pull-secret"):
        assert fact in found
    assert "ml/trainer" not in found


def test_images_for_other_architectures_than_the_gpus_node_or_than_each_other_are_named(registry, given, tmp_path):
    registry.put_single("ml/trainer:1", "amd64")
    registry.put_single("ml/vegeta:1", "arm64")
    found = failure(Cluster(arch="arm64"), tmp_path, {Part("training", "gpu"), Part("load")}, **given)
    for fact in (
        f"image {registry.host}/ml/trainer:1: it is for amd64, and node n1 is arm64",
        "Job load-cpu: its images have no architecture in common",
    ):
        assert fact in found
