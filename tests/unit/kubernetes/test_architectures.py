"""Pods go to nodes of an architecture that all of their images have."""

import copy

import pytest

from acceptance.images import read_images
from acceptance.kubernetes import manifests
from acceptance.kubernetes.architectures import LABEL, REQUIRED, Architectures
from acceptance.paths import MANIFESTS

IMAGES = read_images(None)
BOTH, ARM = frozenset({"amd64", "arm64"}), frozenset({"arm64"})
COMPONENTS = sorted(folder.name for folder in MANIFESTS.iterdir() if folder.is_dir())
KEPT = [
    manifest
    for component in COMPONENTS
    for manifest in manifests.read_component(component)
    if LABEL in (manifests.pod_of(manifest) or {"spec": {}})["spec"].get("nodeSelector", {})
]


def known(found):
    return Architectures(known=dict.fromkeys(IMAGES.of_pods(minio=True), found))


def spec_after(manifest, architectures):
    """Return the pod of a manifest that is fitted twice, as some are."""
    found = manifests.fit(copy.deepcopy(manifest), IMAGES)
    for _ in range(2):
        architectures.keep_to(found, IMAGES)
    pod = manifests.pod_of(found)
    assert pod
    return pod["spec"]


def terms(spec):
    return spec["affinity"]["nodeAffinity"][REQUIRED]["nodeSelectorTerms"]


@pytest.mark.parametrize("manifest", KEPT, ids=lambda one: f"{one['kind']}-{one['metadata']['name']}")
def test_every_pod_of_the_suites_goes_where_its_images_are_for(manifest):
    assert spec_after(manifest, Architectures())["nodeSelector"] == {LABEL: "amd64"}
    assert spec_after(manifest, known(ARM))["nodeSelector"] == {LABEL: "arm64"}
    spec = spec_after(manifest, known(BOTH))
    assert spec["nodeSelector"] == {}
    assert terms(spec) == [{"matchExpressions": [{"key": LABEL, "operator": "In", "values": ["amd64", "arm64"]}]}]


def test_a_pod_that_is_kept_to_a_node_stays_kept_to_it():
    (pod,) = manifests.read_component("gpu-probe")
    manifests.keep_to_node(pod, "n1")
    (term,) = terms(spec_after(pod, known(BOTH)))
    assert term["matchFields"][0]["values"] == ["n1"]
    assert term["matchExpressions"][0]["values"] == ["amd64", "arm64"]


def test_a_pod_of_several_images_has_what_they_have_in_common():
    triton = manifests.read_kind("triton", "Deployment")
    one_is_not_known = Architectures(known={IMAGES.triton: BOTH})
    assert spec_after(triton, one_is_not_known)["nodeSelector"] == {LABEL: "amd64"}
    fitted = manifests.fit(triton, IMAGES)
    assert one_is_not_known.at_odds(fitted, IMAGES) is None
    found = str(Architectures(known={IMAGES.triton: ARM}).at_odds(fitted, IMAGES))
    for fact in ("Deployment triton: its images have no architecture in common", f"{IMAGES.triton} is for arm64"):
        assert fact in found


def test_the_suite_runs_on_no_architecture_that_triton_is_not_made_for():
    assert known(frozenset({"s390x", "arm64"})).of(IMAGES.minio) == ARM
    assert known(frozenset({"s390x"})).of(IMAGES.minio) == frozenset()


def test_a_site_that_keeps_pods_to_an_architecture_says_what_its_images_are_for():
    assert Architectures.of_site({LABEL: "ppc64le"}).of(IMAGES.trainer) == {"ppc64le"}
    assert Architectures.of_site({"disk": "fast"}).of(IMAGES.trainer) == {"amd64"}
