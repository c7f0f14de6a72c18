"""What a run looks at before it trains, on a real API server: one list, and nothing of the training."""

import contextlib
from pathlib import Path
from typing import Any

import pytest
import yaml
from kubernetes import client, config

from acceptance.images import read_images
from tests.cluster.lab import END_SECONDS, namespaces_of
from tests.documented_rights import cluster_rules
from tests.http_server import talking
from tests.running import LIGHT, started_suite
from tools.suite_run import read_scenarios, run_suite

pytestmark = pytest.mark.cluster
ALL = ("-k", "deer_lands or cpu_model_learns")


@pytest.fixture
def images(tmp_path, images_file):
    """Write an --images file that has others than the lab's."""

    def write(**others):
        file = tmp_path / "images.yaml"
        file.write_text(yaml.safe_dump({**yaml.safe_load(Path(images_file).read_text()), **others}))
        return f"--images={file}"

    return write


@pytest.fixture
def run(tmp_path, lab_kubeconfig, options):
    def run(*arguments, kubeconfig=lab_kubeconfig):
        return run_suite(tmp_path / "report", *options, *LIGHT, *ALL, *arguments, KUBECONFIG=str(kubeconfig))

    return run


def causes(result):
    """Return what the scenarios give as their cause; all give the same."""
    assert result.code == 1, result.output
    found = {scenario.message.partition("\n")[2] for scenario in result.scenarios().values()}
    assert {scenario.outcome for scenario in result.scenarios().values()} <= {"failed", "error"}
    assert not list((result.report / "logs").glob("training-*"))
    (cause,) = found
    return cause


def test_images_that_are_not_there_or_lack_a_program_are_one_list_and_nothing_is_trained(run, images, lab_kubeconfig):
    nowhere = {"triton": "lab.local/no-such-triton:1", "minio": "lab.local/no-such-minio:1"}
    result = run(images(**nowhere, trainer=read_images(None).vegeta), "--store=minio")
    cause = causes(result)
    for fact in ("3 problems", *nowhere.values(), "--images FILE", read_images(None).vegeta):
        assert fact in cause
    assert namespaces_of(result.pid, lab_kubeconfig) == []


def test_a_triton_without_the_backend_is_named(run, images):
    cause = causes(run(images(**{"triton-backend": "onnxruntime"})))
    assert "no Triton backend 'onnxruntime' in this image" in cause


def rules(*without):
    """Return what docs/kubernetes.md has as the rights of a run, less what is left out."""
    return [one for one in cluster_rules("kubernetes.md") if one["resources"][0] not in without]


def test_rights_that_are_missing_are_one_list(run, account):
    cause = causes(run(kubeconfig=account(rules("jobs", "pods/portforward"))))
    for fact in ("2 problems", "create or delete jobs.batch", "get or create pods/portforward", "auth can-i"):
        assert fact in cause


def test_an_account_that_may_make_no_namespace_is_refused_before_anything_is_made(tmp_path, account, options):
    kubeconfig = account(rules("namespaces"))
    result = run_suite(tmp_path / "report", *options, KUBECONFIG=str(kubeconfig))
    assert result.code == 4
    assert "may not create namespaces in the cluster" in result.output


def test_the_documented_rights_are_enough(run, account):
    result = run("-k", "cpu_model_learns", kubeconfig=account(rules()))
    assert result.code == 0, result.output


def test_what_is_well_leaves_no_pod_of_an_image_behind_and_takes_no_time(tmp_path, lab_kubeconfig, options):
    with started_suite(tmp_path, *options, *LIGHT, *ALL, KUBECONFIG=lab_kubeconfig) as run:
        run.wait_for_log("training-*-dataset")
        (name,) = namespaces_of(run.popen.pid, lab_kubeconfig)
        with config.new_client_from_config(lab_kubeconfig) as api:
            pods: Any = client.CoreV1Api(api).list_namespaced_pod(name).items
        left = [pod.metadata.name for pod in pods if not pod.metadata.deletion_timestamp]
        assert not [name for name in left if name.startswith("image-")]


def test_a_pull_that_goes_on_beside_the_run_ends_it_where_it_fails(tmp_path, lab_kubeconfig, options, images):
    with contextlib.ExitStack() as registry:
        address = registry.enter_context(talking(b""))  # takes connections and answers nothing
        triton = f"{address}/slow/triton:1"
        arguments = [*options, images(triton=triton), "-k", "deer_lands"]
        with started_suite(tmp_path, *arguments, KUBECONFIG=lab_kubeconfig) as run:
            run.wait_for_log("training-*-dataset")
            registry.close()
            run.wait_for_failure(60)
            assert run.wait_for_end(END_SECONDS) == 1, run.output
    (scenario,) = read_scenarios(run.report).values()
    for fact in (triton, "can't have its image", "--images FILE"):
        assert fact in scenario.message
    assert not (run.report / "logs" / "triton-cpu-metrics.txt").exists()
