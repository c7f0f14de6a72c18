from collections.abc import Iterator

import pytest
from kubernetes import client, config

from tests.cluster.lab import find_kubeconfig
from tests.cluster.lab_namespace import LabNamespace, fresh_namespace, wait_for_no_gpu_pods
from tests.cluster.left_behind import removed_however_the_tests_end
from tools.suite_run import run_suite


@pytest.fixture(scope="session")
def lab_kubeconfig(tmp_path_factory) -> Iterator[str]:
    """The lab's kubeconfig; a test without a lab skips with the reason."""
    found, reason = find_kubeconfig()
    if not found:
        pytest.skip(reason)
    with removed_however_the_tests_end(found, tmp_path_factory.mktemp("guardian")):
        yield found


@pytest.fixture(scope="session")
def options(images_file):
    """What every run on the lab is given."""
    return ["--target=existing", "--profile=quick", "--data=digits", f"--images={images_file}"]


@pytest.fixture
def run_on_lab(tmp_path, lab_kubeconfig, options):
    """Run scenarios on the lab to their end."""

    def run(*arguments, **variables):
        return run_suite(tmp_path / "report", *options, *arguments, KUBECONFIG=lab_kubeconfig, **variables)

    return run


@pytest.fixture(scope="module")
def api(lab_kubeconfig: str) -> Iterator[client.ApiClient]:
    with config.new_client_from_config(lab_kubeconfig) as api:
        yield api


@pytest.fixture
def namespace(api: client.ApiClient) -> Iterator[LabNamespace]:
    with fresh_namespace(api) as namespace:
        yield namespace


@pytest.fixture
def no_gpu_pods(api: client.ApiClient) -> None:
    """The lab once no pod of an earlier test asks for a GPU or passes for a device plugin."""
    wait_for_no_gpu_pods(client.CoreV1Api(api))
