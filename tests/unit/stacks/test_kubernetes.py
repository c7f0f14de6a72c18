"""The Kubernetes stack on a made-up cluster: what it deletes while the run goes on, and when its GPU is free again."""

import contextlib

import pytest

from acceptance.clusters.existing import Existing
from acceptance.clusters.provider import Access
from acceptance.errors import AcceptanceError
from acceptance.options import read_settings
from acceptance.paths import MANIFESTS
from acceptance.processes.local import Processes
from acceptance.stacks.kubernetes import KubernetesStack
from acceptance.stacks.workspace import Workspace
from acceptance.training.recipes import Recipe
from acceptance.training.tracking import TrainingRun
from tests.unit.kubernetes.api_server import running, write_kubeconfig
from tests.unit.kubernetes.small_cluster import SmallCluster

RUN = TrainingRun("", "0", "a run", "FINISHED", Recipe("gpu", "quick", 2), {}, {}, models={"onnx": "models:/m-1"})
VECTOR_ADD = MANIFESTS / "cuda-vector-add" / "pod.yaml"
PREDICTOR = ["Deployment triton-gpu-1", "Service triton-gpu-1", "ConfigMap triton-gpu-1"]
FOR_EVER = 600
SHA_256 = "5e" * 32


@contextlib.contextmanager
def stack_on(cluster, folder, keep=False, say=lambda text: None, **given):
    """Run a stack in the cluster, as in one of the user's; `given`: more options."""

    class Given(Existing):
        def __enter__(self):
            return Access("lab", write_kubeconfig(folder / "kubeconfig", "lab", server=cluster.address))

    class OnCluster(KubernetesStack):
        providers = {"existing": Given}  # noqa: RUF012

    for name in ("run", "logs"):
        (folder / name).mkdir()
    settings = read_settings({"target": "existing", "keep": keep, **given}, ["existing"], {})
    workspace = Workspace(folder / "run", folder / "logs")
    with running(cluster), OnCluster(settings, workspace, say) as stack:
        yield stack


@pytest.mark.parametrize("keep", [False, True])
def test_a_predictor_on_the_gpu_ends_with_all_that_it_is_made_of_and_its_pod_is_gone_before_the_next(tmp_path, keep):
    cluster = SmallCluster()
    with stack_on(cluster, tmp_path, keep) as stack:
        predictor = stack.start_predictor("triton-gpu-1", RUN, "gpu")
        assert predictor.endpoint.inside == "triton-gpu-1:8000"
        assert cluster.names("pods") == ["triton-gpu-1-x7k2p"]
        predictor.stop()
        predictor.wait_gone()
        assert cluster.names("pods") == []
        assert cluster.deleted == PREDICTOR


def test_a_predictor_has_more_shared_memory_than_a_containers_own(tmp_path):
    cluster = SmallCluster()
    with stack_on(cluster, tmp_path) as stack:
        stack.start_predictor("triton-cpu-1", RUN, "cpu")
    (pod,) = (
        one["spec"]["template"]["spec"]
        for one in cluster.created
        if one["metadata"]["name"] == "triton-cpu-1" and one["kind"] == "Deployment"
    )
    (triton,) = pod["containers"]
    (name,) = (mount["name"] for mount in triton["volumeMounts"] if mount["mountPath"] == "/dev/shm")  # noqa: S108
    assert {"name": name, "emptyDir": {"medium": "Memory", "sizeLimit": "1Gi"}} in pod["volumes"]


def test_nobody_waits_for_the_pod_of_a_predictor_on_the_cpu(tmp_path):
    cluster = SmallCluster(linger_seconds=FOR_EVER)
    with stack_on(cluster, tmp_path) as stack:
        predictor = stack.start_predictor("triton-cpu-1", RUN, "cpu")
        predictor.stop()
        predictor.wait_gone()
        assert cluster.names("pods") == ["triton-cpu-1-x7k2p"]
        assert cluster.names("deployments") == []


class NoExec(SmallCluster):
    """Nobody may run anything in a pod; `says` is what every container has said."""

    def __init__(self, says):
        super().__init__()
        self.says = says

    def get(self, path, query):
        if path.endswith("/exec"):
            return 403, {"message": "pods is forbidden: cannot get pods/exec"}
        if path.endswith("/log"):
            return 200, [self.says.encode()]
        return super().get(path, query)


def test_where_nothing_can_be_run_in_a_pod_its_init_container_tells_what_is_served_and_that_is_said(tmp_path):
    with stack_on(NoExec(f"SHA-256 of /models/cifar10/1/model.onnx: {SHA_256}\n"), tmp_path) as stack:
        served = stack.start_predictor("triton-cpu-1", RUN, "cpu").read_model()
    assert served.sha256 == SHA_256
    assert served.place.startswith("/models/cifar10/1/model.onnx in pod triton-cpu-1-x7k2p, as its init container")
    assert "(running sha256sum in pod triton-cpu-1-x7k2p: Handshake status 403 Forbidden)" in served.place


def test_a_served_model_that_nobody_tells_of_is_an_error(tmp_path):
    with stack_on(NoExec("it says\n"), tmp_path) as stack:
        predictor = stack.start_predictor("triton-cpu-1", RUN, "cpu")
        with pytest.raises(AcceptanceError, match=r"403.*: no SHA-256 was said, but it says"):
            predictor.read_model()


@pytest.mark.parametrize("keep", [False, True])
def test_a_predictor_that_came_without_its_gpu_is_removed(tmp_path, keep):
    cluster = SmallCluster(takes_gpus_out=True)
    with stack_on(cluster, tmp_path, keep) as stack:
        with pytest.raises(AcceptanceError, match=r"triton-gpu-1-x7k2p asks for no nvidia.com/gpu"):
            stack.start_predictor("triton-gpu-1", RUN, "gpu")
        assert cluster.deleted == PREDICTOR
        assert cluster.names("pods") == []


@pytest.mark.parametrize(("keep", "left"), [(False, []), (True, ["cuda-vector-add"])])
@pytest.mark.parametrize("phase", ["Succeeded", "Failed"])
def test_a_pod_that_looked_at_the_gpu_is_gone_before_the_next_one_asks(tmp_path, phase, keep, left):
    cluster = SmallCluster(phase)
    with stack_on(cluster, tmp_path, keep) as stack:
        result = stack.run_pod(VECTOR_ADD, "n1")
        assert (result.name, result.phase) == ("cuda-vector-add", phase)
        assert result.log.startswith("it says\n")
        assert cluster.names("pods") == left
    (pod,) = [one for one in cluster.created if one["kind"] == "Pod"]
    assert "n1" in str(pod["spec"]["affinity"])


def test_the_namespace_goes_in_the_end_and_is_named_where_it_is_kept(tmp_path):
    (tmp_path / "gone").mkdir()
    (tmp_path / "kept").mkdir()
    gone, kept = SmallCluster(), SmallCluster()
    with stack_on(gone, tmp_path / "gone") as stack:
        assert stack.facts().versions == {"Kubernetes": "v1.31.5"}
        assert gone.names("namespaces") == [stack.namespace.name]
    assert gone.names("namespaces") == []
    with stack_on(kept, tmp_path / "kept", keep=True) as stack:
        name = stack.namespace.name
        assert f"delete namespace {name}" in stack.how_to_reach()
    assert kept.names("namespaces") == [name]


@pytest.mark.parametrize(
    ("version", "words"),
    [
        ("v1.27.16-eks-a737599", "older than those that the suite is checked against (1.28 to 1.34)"),
        ("v1.28.0", ""),
        ("v1.40.0+k3s1", ""),
    ],
)
def test_an_api_server_that_is_older_than_any_that_was_checked_is_told_so_and_not_refused(tmp_path, version, words):
    cluster, said = SmallCluster(), list[str]()
    cluster.version = version
    with stack_on(cluster, tmp_path, say=said.append) as stack:
        assert stack.facts().versions == {"Kubernetes": f"{version}, {words}" if words else version}
        assert (words in str(stack.cluster)) and (("older" in str(stack.cluster)) == bool(words))
    assert said == ([f"Kubernetes {version}: {words}"] if words else [])


def test_a_store_of_the_runs_own_goes_with_the_namespace_and_no_other_command_removes_it(tmp_path):
    with stack_on(SmallCluster(), tmp_path, store="minio") as stack:
        assert stack.own_store.variables()["AWS_ENDPOINT_URL_S3"] == "https://minio:9000"
        assert stack.own_store.bucket.endpoint.startswith("https://127.0.0.1:")
        reach, remove = "\n".join(stack.own_store.how_to_reach()), stack.how_to_reach()
        assert f"-n {stack.namespace.name} port-forward deployment/minio 9000\n" in reach
        assert stack.own_store.minio.password not in reach
        assert f"delete namespace {stack.namespace.name}; rm -rf" in remove
        assert "acceptance.storage" not in remove
        assert "[redacted]" in stack.workspace.redactor.text(stack.own_store.minio.password)


def test_whoever_deletes_the_namespace_of_a_killed_run_can_log_in_as_the_run_did(tmp_path, monkeypatch):
    monkeypatch.setenv("MY_LOGIN", "what an exec plugin needs")
    noted = []

    class Noting(Processes):
        def afterwards(self, command, fix, environment=None):
            noted.append((command, fix, environment))

    with stack_on(SmallCluster(), tmp_path) as stack:
        (tmp_path / "other").mkdir()
        with contextlib.closing(Noting(tmp_path / "other", tmp_path)) as stack_processes:
            given, stack.processes = stack.processes, stack_processes
            stack.delete_if_killed()
            stack.processes = given
        name = stack.namespace.name
    ((command, fix, environment),) = noted
    assert name in command
    assert "make clean-cluster" in fix
    assert environment["MY_LOGIN"] == "what an exec plugin needs"
