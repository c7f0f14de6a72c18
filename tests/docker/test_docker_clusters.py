"""kind and k3d themselves, on a real daemon: they take what they are given, and whatever they left half made goes.

The node images of these tests can't be had or never become a node: a whole cluster would need images from elsewhere.
"""

import contextlib
import os
import secrets
import shutil
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from acceptance.clusters import cleanup as leftovers
from acceptance.clusters.k3d import K3d
from acceptance.clusters.kind import Kind
from acceptance.clusters.local import LocalCluster
from acceptance.errors import AcceptanceError, Problem
from acceptance.gpu.nvidia_smi import Gpu
from acceptance.images import Images, read_images
from acceptance.options import read_settings
from acceptance.paths import ROOT
from acceptance.processes.local import Processes
from acceptance.waiting import Ready, wait_until
from tests.running import started_suite
from tools.lab_image_names import own_images
from tools.suite_run import run_suite

pytestmark = pytest.mark.docker
BOTH = pytest.mark.parametrize("target", ["k3d", "kind"])
NOWHERE = "registry.invalid/node:v1"
NODE = {"k3d": "k3s", "kind": "kind-node"}
PROVIDERS: dict[str, type[LocalCluster]] = {"k3d": K3d, "kind": Kind}


@pytest.fixture(autouse=True)
def programs(monkeypatch):
    """kind and k3d, on the PATH or as tools/cluster_programs builds them; skips where one is missing."""
    path = f"{os.environ['PATH']}{os.pathsep}{ROOT / '.venv' / 'bin'}"
    missing = [name for name in ("kind", "k3d", "docker") if not shutil.which(name, path=path)]
    if missing:
        pytest.skip(f"no {', '.join(missing)} on the PATH: `tools/cluster_programs` builds kind and k3d")
    monkeypatch.setenv("PATH", path)


def clusters_left(client):
    """Return what any cluster of a run has on the daemon."""
    names = [
        one.name
        for kind in (client.containers.list(all=True, ignore_removed=True), client.networks.list())
        for one in kind
    ]
    names += [volume.name for volume in client.volumes.list()]
    return [name for name in names if "triton-acceptance-" in name]


@pytest.fixture(autouse=True)
def nothing_is_left(client):
    yield
    wait_until(
        "no cluster to be left", lambda: str(clusters_left(client)) if clusters_left(client) else Ready(None), 60
    )


@pytest.fixture(scope="session")
def stuck_node(client, tmp_path_factory):
    """A node image whose container runs and never becomes a node."""
    folder = tmp_path_factory.mktemp("node")
    (folder / "Dockerfile").write_text(f'FROM {own_images()["trainer"]}\nENTRYPOINT ["sleep", "600"]\nCMD []\n')
    name = f"lab.local/stuck-node:{secrets.token_hex(4)}"
    client.images.build(path=str(folder), tag=name, rm=True)
    yield name
    client.images.remove(name, force=True)


@pytest.fixture
def arguments(tmp_path, images_file):
    """What a run is given: the suite's own images, and this one for the nodes."""

    def make(target, node):
        for name in ("tmp", "home"):
            (tmp_path / name).mkdir()
        file = tmp_path / "images.yaml"
        file.write_text(f"{images_file.read_text()}{NODE[target]}: {node}\n")
        options = [
            f"--target={target}",
            "--profile=quick",
            "--data=digits",
            f"--images={file}",
            "-k",
            "cpu_model_learns",
        ]
        return options + (["--agents=0"] if target == "k3d" else [])

    return make


@BOTH
def test_a_create_that_fails_names_the_cause_and_leaves_nothing(client, tmp_path, arguments, target):
    home = tmp_path / "home"
    result = run_suite(tmp_path / "report", *arguments(target, NOWHERE), TMPDIR=str(tmp_path / "tmp"), HOME=str(home))
    (scenario,) = result.scenarios().values()
    assert result.code == 1, result.output
    assert f"{target} could not create a cluster (cluster triton-acceptance-" in scenario.message
    assert NOWHERE in scenario.message
    assert f"{target}-create.log" in scenario.message
    assert clusters_left(client) == []
    assert list((tmp_path / "tmp").iterdir()) == []
    assert not (home / ".kube").exists()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_a_run_that_is_cut_off_while_kind_creates_leaves_nothing(client, tmp_path, arguments, stuck_node, number):
    variables = {"TMPDIR": str(tmp_path / "tmp"), "HOME": str(tmp_path / "home")}
    with started_suite(tmp_path, *arguments("kind", stuck_node), **variables) as run:
        wait_until(
            "the node's container", lambda: Ready(None) if clusters_left(client)[1:] else run.output or "starting", 60
        )
        run.popen.send_signal(number)
        run.wait_for_end()
    wait_until("it to be removed", lambda: str(clusters_left(client)) if clusters_left(client) else Ready(None), 60)
    wait_until("its folder to go", lambda: Ready(None) if not list((tmp_path / "tmp").iterdir()) else "it is there", 60)


class K3dWithGpu(K3d):
    """Takes this machine for one with a GPU."""

    @classmethod
    def find_gpu(cls) -> Gpu | Problem:
        return Gpu("A100", cuda="12.4")


@contextlib.contextmanager
def k3d_with_gpu(tmp_path: Path, images: Images, agents: str) -> Iterator[LocalCluster]:
    for name in ("run", "logs"):
        (tmp_path / name).mkdir()
    processes = Processes(tmp_path / "run", tmp_path / "logs")
    try:
        settings = read_settings({"target": "k3d", "agents": agents}, list(PROVIDERS), {})
        yield K3dWithGpu(settings, images, tmp_path / "run", processes, lambda text: None)
    finally:
        processes.close()


@pytest.mark.parametrize("agents", ["0", "2"])
def test_k3d_takes_the_arguments_of_a_cluster_with_a_gpu(client, tmp_path, agents):
    file = tmp_path / "others.yaml"
    file.write_text(yaml.safe_dump({"k3s-cuda": NOWHERE}))
    with k3d_with_gpu(tmp_path, read_images(file), agents) as cluster:
        with pytest.raises(AcceptanceError) as raised, cluster:
            pass
        log = (tmp_path / "logs" / "k3d-create.log").read_text()
    # it came as far as the node's image: nothing of what it was given is unknown to it
    assert f"Created network 'k3d-{cluster.name}'" in log
    assert f"failed to pull image '{NOWHERE}'" in str(raised.value)
    assert clusters_left(client) == []


@BOTH
def test_a_cluster_to_reuse_that_is_not_there_is_named(target):
    settings = read_settings({"target": target, "cluster": "nowhere"}, list(PROVIDERS), {})
    (problem,) = PROVIDERS[target].problems(settings)
    assert f"--cluster nowhere: {target} has no such cluster" in problem.what
    assert "--cluster" in problem.fix


@BOTH
def test_what_is_left_of_a_cluster_goes_and_its_neighbours_stay(client, target):
    name = f"triton-acceptance-{secrets.token_hex(3)}"
    neighbour = f"{leftovers.network_of(target, name)}x"
    label = {leftovers.LABELS[target]: name}
    client.networks.create(neighbour)
    try:
        network = client.networks.create(leftovers.network_of(target, name))
        if target == "k3d":
            client.volumes.create(f"k3d-{name}-images", labels=label)
        client.containers.run(
            own_images()["trainer"], ["sleep", "600"], detach=True, labels=label, network=network.name, name=f"{name}-0"
        )
        assert leftovers.main(target, name) == 0
        assert clusters_left(client) == [neighbour]
    finally:
        client.networks.get(neighbour).remove()
