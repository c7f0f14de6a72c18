"""The manifests as a real API server sees them."""

import copy
import secrets
from pathlib import Path
from typing import Any

import pytest
import yaml
from kubernetes import client

from acceptance.errors import AcceptanceError
from acceptance.images import PINNED, read_images
from acceptance.kserve.installation import Installation
from acceptance.kserve.runtime import own_runtime
from acceptance.kserve.service import MODE, inference_service
from acceptance.kubernetes import kinds, manifests
from acceptance.kubernetes.client import connect
from acceptance.kubernetes.gateways import policy
from acceptance.kubernetes.namespace import Namespace
from acceptance.paths import MANIFESTS
from tests.cluster.lab_kserve import skip_without_kserve

pytestmark = pytest.mark.cluster
COMPONENTS = sorted(folder.name for folder in MANIFESTS.iterdir() if folder.is_dir())
OF_A_CLUSTER = ("namespace", "device-plugin", "rbac")  # in no run's namespace


@pytest.fixture(scope="module")
def namespace(lab_kubeconfig, tmp_path_factory):
    cluster = connect("", kubeconfig=Path(lab_kubeconfig))
    with Namespace(cluster, secrets.token_hex(4), read_images(None), tmp_path_factory.mktemp("logs")) as found:
        yield found


@pytest.fixture
def core(namespace):
    return client.CoreV1Api(namespace.cluster.api())


@pytest.mark.parametrize("component", COMPONENTS)
def test_the_api_server_accepts_it_as_it_is(namespace, component):
    skip_what_it_has_not_learnt(namespace, component)
    for manifest in manifests.read_component(component):
        manifest["metadata"]["name"] += "-dry"  # the namespace has its own parts already
        kinds.create(namespace.cluster.api(), manifest, namespace.name, dry_run="All")


def skip_what_it_has_not_learnt(namespace, component):
    if component == "kserve":
        skip_without_kserve(namespace.cluster.api())
    if component == "seldon":
        pytest.skip("tests/cluster/test_seldon.py has the lab learn its kind and take it")


@pytest.mark.parametrize("component", [name for name in COMPONENTS if name not in OF_A_CLUSTER])
def test_the_api_server_accepts_it_fitted_to_a_run_without_a_warning_of_pod_security(namespace, component):
    skip_what_it_has_not_learnt(namespace, component)
    for manifest in manifests.read_component(component):
        fitted = copy.deepcopy(manifest)
        namespace.create(fitted, f"{component}-1" if component != "cuda-vector-add" else "", dry_run="All")
        pod = manifests.pod_of(fitted) if fitted["kind"] not in manifests.OF_KSERVE else None
        if pod:  # a Deployment of pods that the namespace refuses is accepted: ask for the pod itself
            own = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "one"}, "spec": copy.deepcopy(pod["spec"])}
            kinds.create(namespace.cluster.api(), own, namespace.name, dry_run="All")


def test_the_namespace_has_the_quota_the_policy_and_the_labels(namespace, core):
    found = core.read_namespace(namespace.name)
    assert found.metadata.labels["pod-security.kubernetes.io/enforce"] == "restricted"
    assert found.metadata.labels[manifests.RUN] == namespace.run
    quotas = core.list_namespaced_resource_quota(namespace.name).items
    assert [quota.metadata.name for quota in quotas] == ["run"]
    networking: Any = client.NetworkingV1Api(namespace.cluster.api())
    (policy,) = networking.list_namespaced_network_policy(namespace.name).items
    assert policy.spec.policy_types == ["Ingress"] and not policy.spec.pod_selector.match_labels
    ((peer,),) = [rule._from for rule in policy.spec.ingress]
    assert peer.pod_selector and not peer.namespace_selector and not peer.ip_block


class WithBrokenQuota(Namespace):
    """Has a part more that no API server takes."""

    def parts(self):
        broken = {"apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": "Not a name"}, "spec": {}}
        return [*super().parts(), broken]


def test_a_namespace_that_is_only_half_made_goes(namespace, core, tmp_path):
    half = WithBrokenQuota(namespace.cluster, secrets.token_hex(4), read_images(None), tmp_path)
    with pytest.raises(AcceptanceError, match="creating ResourceQuota Not a name"), half:
        pass
    with pytest.raises(client.ApiException, match="404"):
        core.read_namespace(half.name)


def test_a_privileged_pod_is_refused(namespace):
    (pod,) = manifests.read_component("cuda-vector-add")
    pod["spec"]["containers"][0]["securityContext"] = {"privileged": True}
    with pytest.raises(Exception, match="violates PodSecurity"):
        namespace.create(pod, dry_run="All")


# --- objects of KServe's


def of_knative_mode(**changes):
    """Return what the run creates in Knative mode, asked for by the annotation: the lab's default is another."""
    made = inference_service("triton-cpu-1", "s3://models/ci", own_runtime(), Installation("", "Knative", True))
    made[-1]["metadata"]["annotations"][MODE] = "Knative"
    made[-1]["spec"]["predictor"].update(changes)
    return made


def test_kserves_webhooks_take_what_knative_mode_leaves_of_an_inference_service(namespace):
    skip_without_kserve(namespace.cluster.api())
    for manifest in of_knative_mode():
        namespace.create(manifest, "triton-cpu-1", dry_run="All")
    _, service = of_knative_mode(deploymentStrategy={"type": "RollingUpdate"})
    with pytest.raises(AcceptanceError, match="deploymentStrategy is only supported for raw deployment mode"):
        namespace.create(service, "triton-cpu-1", dry_run="All")


def test_the_policy_for_a_gateway_stands_beside_the_runs_own(namespace):
    namespace.create(policy("kserve", (8080, 9000)))
    networking: Any = client.NetworkingV1Api(namespace.cluster.api())
    found = networking.read_namespaced_network_policy("from-kserve", namespace.name).spec
    assert found.pod_selector.match_expressions[0].key == "serving.kserve.io/inferenceservice"
    ((peer,),) = [rule._from for rule in found.ingress]
    assert peer.namespace_selector.match_labels == {"kubernetes.io/metadata.name": "kserve"}
    assert [port.port for port in found.ingress[0].ports] == [8080, 9000]
    networking.delete_namespaced_network_policy("from-kserve", namespace.name)


def test_every_image_is_pinned():
    for key, image in yaml.safe_load(PINNED.read_text()).items():
        assert key == "triton-backend" or (":" in image.rsplit("/", 1)[-1] and not image.endswith(":latest")), image


def test_no_manifest_names_an_image_itself():
    images = read_images(None)
    for component in COMPONENTS:
        for manifest in manifests.read_component(component):
            for container in manifests.containers_of(manifest):
                image = container.get("image", "triton")  # an InferenceService's is its runtime's
                assert images.named(image), f"{Path(component)}: {image}"
