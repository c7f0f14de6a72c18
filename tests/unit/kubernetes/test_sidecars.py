"""Meshes that put containers into pods: known by the namespace, left out of the run's pods, or named."""

from types import SimpleNamespace

import pytest

from acceptance.kubernetes import manifests
from acceptance.kubernetes.sidecars import MESHES, leave_out, meshes_of, never_ends
from tests.unit.problems import assert_problem


def namespace(labels=None, annotations=None):
    return SimpleNamespace(metadata=SimpleNamespace(labels=labels, annotations=annotations))


def names(found):
    return [mesh.name for mesh in found]


@pytest.mark.parametrize(
    ("labels", "annotations", "expected"),
    [
        ({"istio-injection": "enabled"}, None, ["Istio"]),
        ({"istio.io/rev": "canary"}, None, ["Istio"]),
        ({"istio-injection": "disabled"}, None, []),
        (None, {"linkerd.io/inject": "enabled"}, ["Linkerd"]),
        (None, {"linkerd.io/inject": "ingress"}, ["Linkerd"]),
        (None, {"linkerd.io/inject": "disabled"}, []),
        ({"kuma.io/sidecar-injection": "enabled"}, None, ["Kuma"]),
        ({"team": "ml"}, {"note": "istio"}, []),
        (None, None, []),
    ],
)
def test_a_mesh_is_known_by_what_the_namespace_says(labels, annotations, expected):
    assert names(meshes_of(namespace(labels, annotations))) == expected


@pytest.mark.parametrize("mesh", MESHES, ids=lambda mesh: mesh.name)
@pytest.mark.parametrize("component", ["training", "triton", "load", "mlflow", "gpu-probe", "kserve"])
def test_every_pod_of_the_runs_goes_without(component, mesh):
    for manifest in manifests.read_component(component):
        leave_out(manifest, mesh)
        pod = manifests.pod_of(manifest)
        if pod:
            said = {**pod["metadata"].get("labels", {}), **pod["metadata"].get("annotations", {})}
            assert {**mesh.labels, **mesh.annotations}.items() <= said.items()


def as_made(*containers):
    return SimpleNamespace(spec=SimpleNamespace(containers=[SimpleNamespace(name=name) for name in containers]))


@pytest.mark.parametrize(
    ("component", "made", "words"),
    [
        ("training", ("trainer",), ()),
        ("training", ("trainer", "istio-proxy"), ("pods of Job training get the container istio-proxy", "never end")),
        ("gpu-probe", ("gpu-probe", "linkerd-proxy"), ("pods of Pod gpu-probe get the container linkerd-proxy",)),
    ],
)
def test_a_container_that_is_put_into_pods_that_are_to_end_is_named(component, made, words):
    (manifest,) = manifests.read_component(component)
    assert_problem(never_ends(manifest, as_made(*made)), *words)


def test_a_server_may_have_a_sidecar():
    deployment = manifests.read_kind("mlflow", "Deployment")
    assert_problem(never_ends(deployment, as_made("mlflow", "istio-proxy")))
