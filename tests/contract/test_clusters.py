"""Contract tests: kind's and k3d's providers with made-up programs, what they are asked and what goes wrong.

No cluster and no GPU is real here; tests/docker/test_docker_clusters.py has the real programs.
"""

import os
import re
import signal
import socket
import stat
from pathlib import Path

import pytest
import yaml

from acceptance.clusters import host
from acceptance.clusters.k3d import K3d
from acceptance.clusters.kind import Kind
from acceptance.clusters.local import LocalCluster
from acceptance.errors import AcceptanceError, BadSetting
from acceptance.gpu import cuda
from acceptance.images import read_images
from acceptance.options import read_settings
from acceptance.paths import ROOT
from acceptance.processes.local import Processes
from acceptance.waiting import Ready, wait_until
from tests.contract.fakes import GPU, OWN, PINNED, Fakes
from tests.docker_recorded import GPU_INFO, INFO
from tests.threads import beside
from tests.unit.kubernetes.api_server import running_api_server

BOTH = pytest.mark.parametrize("target", ["k3d", "kind"])


class K3dOnFreePort(K3d):
    """Takes a port that is free in port 80's place."""

    # below those that the kernel gives out: no other test's server gets it
    port = next(port for port in range(20_000, 32_000) if not host.port_taken(port))


# what the client takes for the answer to `/version`
VERSION = dict.fromkeys(
    ["major", "minor", "gitVersion", "gitCommit", "gitTreeState", "buildDate", "goVersion", "compiler", "platform"], "1"
)
PROVIDERS: dict[str, type[LocalCluster]] = {"k3d": K3dOnFreePort, "kind": Kind}


@pytest.fixture
def fakes(tmp_path):
    return Fakes(tmp_path / "bin")


@pytest.fixture
def install(fakes, monkeypatch):
    """Put the programs on the PATH."""

    def install(*without, **says):
        monkeypatch.setenv("PATH", fakes.install(*without, **says))
        return fakes

    return install


def settings_of(target, **given):
    return read_settings({"target": target, **given}, list(PROVIDERS), {})


@pytest.fixture
def provider(tmp_path):
    """Make providers, with the guardian of a run of their own."""
    (tmp_path / "run").mkdir()
    (tmp_path / "logs").mkdir()
    processes = Processes(tmp_path / "run", tmp_path / "logs")

    def make(target, **given) -> LocalCluster:
        settings = settings_of(target, **given)
        images = read_images(settings.images)
        return PROVIDERS[target](settings, images, tmp_path / "run", processes, lambda text: None)

    yield make
    processes.tell_guardian("release")
    processes.close()


def problems(target, **given):
    return PROVIDERS[target].problems(settings_of(target, **given))


def describe(target, **given):
    """Return what is said of a cluster that has no problems."""
    assert problems(target, **given) == []
    return PROVIDERS[target].describe(settings_of(target, **given))


# --- named before anything starts


@BOTH
def test_a_machine_without_a_gpu_is_good_for_a_cluster_that_says_why_it_has_none(install, target):
    install()
    assert re.search("no GPU: .*No devices were found", describe(target))


@BOTH
def test_a_machine_with_a_gpu_names_it_and_the_cuda_version(install, target):
    install(**GPU)
    assert describe(target, require_gpu=True).endswith("GPU NVIDIA A100-SXM4-40GB, CUDA 12.2")


GONE = {**INFO, "ServerErrors": ["Cannot connect to the Docker daemon at unix:///var/run/docker.sock."]}
FORBIDDEN = {"ServerErrors": ["permission denied while trying to connect to the Docker daemon socket"]}


@BOTH
@pytest.mark.parametrize(
    ("without", "says", "words"),
    [
        ("docker", {}, ["docker is not on the PATH", "install Docker 20.10.5 or later"]),
        ("", {"info": GONE, "info_code": 1}, ["its daemon does not run", "systemctl start docker"]),
        ("", {"info": FORBIDDEN, "info_code": 1}, ["this user may not use it", "usermod -aG docker"]),
        ("", {"info": {**INFO, "ServerVersion": "19.03.15"}}, ["Docker is 19.03.15", "at least 20.10.5"]),
        ("PROGRAM", {}, ["--target PROGRAM: PROGRAM is not on the PATH", "install"]),
        ("", {"k3d_version": "k3d version v4.4.8", "kind_version": "kind v0.17.0"}, ["it must be at least", "upgrade"]),
        ("", {"k3d_version": "k3d version dev", "kind_version": "kind dev"}, ["unknown", "dev", "it must be at least"]),
        ("", {"images": {}}, [f"Docker has no {PINNED.trainer}, {PINNED.vegeta}", "`make images`"]),
        ("", {**GPU, "gpus": [0, "Tesla V100, 450.80.02"], "cuda": "11.0"}, ["driver is 450.80.02", "at least 525.60"]),
        (
            "",
            {**GPU, "gpus": [0, "Tesla T4, 520.61.05"], "cuda": "11.8"},
            ["driver is 520.61.05", "at least 525.60.13"],
        ),
        ("", {**GPU, "cuda": "11.4"}, ["CUDA version is 11.4", "oldest CUDA base image is for 11.8", "newer driver"]),
        ("", {**GPU, "images": OWN}, ["-cuda:0.1.0: Docker does not have it", "make images IMAGES=k3s-cuda"]),
    ],
)
def test_what_is_missing_or_too_old_is_named_with_the_fix_before_anything_starts(install, target, without, says, words):
    fakes = install(without.replace("PROGRAM", target), **says)
    found = "\n".join(map(str, problems(target)))
    for word in words:
        assert word.replace("PROGRAM", target) in found
    assert fakes.left() == []
    assert not fakes.calls("k3d", "cluster", "create")
    assert not fakes.calls("kind", "create")


def test_a_node_image_whose_cuda_is_too_new_for_the_driver_is_named(install):
    install(**{**GPU, "images": {**OWN, PINNED.k3s_cuda: ["PATH=/bin", "CUDA_VERSION=13.0.2"]}})
    (problem,) = problems("k3d")
    for fact in (PINNED.k3s_cuda, "13.0.2", "12.2"):
        assert fact in problem.what
    assert "make images IMAGES=k3s-cuda" in problem.fix


@BOTH
@pytest.mark.parametrize(
    ("says", "words"),
    [
        ({}, "--require-gpu: nvidia-smi lists no GPU"),
        ({**GPU, "info": INFO}, "--require-gpu: Docker has the runtimes .* and no nvidia: .*nvidia-ctk"),
    ],
)
def test_a_gpu_that_was_demanded_and_is_not_there_is_named(install, target, says, words):
    install(**says)
    (problem,) = problems(target, require_gpu=True)
    assert re.match(words, str(problem)), problem


def test_kind_says_that_dockers_default_runtime_must_be_nvidias(install):
    install(**{**GPU, "info": GPU_INFO})
    assert "no GPU: Docker's default runtime is runc" in describe("kind")
    (problem,) = problems("kind", require_gpu=True)
    assert "--require-gpu: Docker's default runtime is runc" in problem.what
    for option in ("accept-nvidia-visible-devices-as-volume-mounts=true", "--set-as-default"):
        assert option in problem.fix


def test_a_port_that_is_taken_is_named(install):
    install()
    port = K3dOnFreePort.port
    with socket.create_server(("127.0.0.1", port)):
        (problem,) = problems("k3d")
        assert f"port {port} of this machine is taken" in problem.what
        assert f"ss -ltnp 'sport = :{port}'" in problem.fix
        assert "a cluster of the run's own" in describe("k3d", agents="0")


@BOTH
def test_a_cluster_that_is_not_there_is_named_with_those_that_are(install, target):
    install(clusters=["blue", "green"])
    (problem,) = problems(target, cluster="red")
    for fact in ("--cluster red", target, "blue, green"):
        assert fact in problem.what
    assert describe(target, cluster="blue").endswith("its cluster blue")


@BOTH
def test_a_gpu_that_the_user_hid_makes_a_cpu_cluster_unless_one_is_demanded(install, target, monkeypatch):
    install(**GPU)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "-1")
    assert "no GPU: CUDA_VISIBLE_DEVICES=-1 hides" in describe(target)
    (problem,) = problems(target, require_gpu=True)
    assert problem.what.startswith("--require-gpu: CUDA_VISIBLE_DEVICES=-1 hides")
    assert "unset it" in problem.fix


@BOTH
def test_a_reused_cluster_needs_the_driver_where_a_gpu_is_demanded_and_no_runtime_of_docker(install, target):
    install(clusters=["blue"], gpus=[0, "Tesla V100, 450.80.02"])
    (problem,) = problems(target, cluster="blue", require_gpu=True)
    for fact in ("450.80.02", "Tesla V100", "525.60.13"):
        assert fact in problem.what
    assert describe(target, cluster="blue").endswith("its cluster blue")
    for gpus in ([0, "Tesla V100, 550.54.15"], [6, "No devices were found"]):
        install(clusters=["blue"], gpus=gpus)
        assert describe(target, cluster="blue", require_gpu=True).endswith("its cluster blue")


# --- made, loaded, removed


def test_k3d_makes_the_tutorials_cluster_with_a_gpu_and_touches_no_kubeconfig_of_the_user(install, provider):
    fakes = install(**GPU)
    with provider("k3d") as access:
        (create,) = fakes.calls("k3d", "cluster", "create")
        name = create[3]
        assert create == [
            *("k3d", "cluster", "create", name, "--image", PINNED.k3s_cuda, "--agents", "2"),
            *("--k3s-arg", "--disable=traefik@server:0", "--api-port", "127.0.0.1:random", "--timeout", "900s"),
            *("--kubeconfig-update-default=false", "--kubeconfig-switch-context=false"),
            *("--port", f"127.0.0.1:{K3dOnFreePort.port}:80@loadbalancer"),
            *("--gpus=1", "--k3s-node-label", "accelerator=gpu@agent:0"),
        ]
        assert name.startswith("triton-acceptance-") and len(name) <= 32  # k3d's own limit
        assert access.context == f"k3d-{name}"
        assert stat.S_IMODE(access.kubeconfig.stat().st_mode) == 0o600
        assert fakes.left() != []
    assert fakes.left() == []


def test_k3d_without_a_gpu_takes_k3s_own_image_and_labels_no_node(install, provider):
    fakes = install()
    with provider("k3d"):
        (create,) = fakes.calls("k3d", "cluster", "create")
    assert create[create.index("--image") + 1] == PINNED.k3s
    assert not [word for word in create if "gpu" in word]


def test_k3d_without_agents_gives_the_gpu_to_the_server_and_needs_no_port(install, provider):
    fakes = install(**GPU)
    with provider("k3d", agents="0"):
        (create,) = fakes.calls("k3d", "cluster", "create")
    assert create[create.index("--agents") + 1] == "0"
    assert create[-1] == "accelerator=gpu@server:0"
    assert "--port" not in create


@pytest.mark.parametrize(("says", "image"), [({}, PINNED.kind_node), (GPU, PINNED.kind_cuda)])
def test_kind_makes_a_cluster_of_one_node_on_a_network_of_its_own(install, provider, tmp_path, says, image):
    fakes = install(**says)
    with provider("kind") as access:
        (create,) = fakes.calls("kind", "create", "cluster")
        name = access.context.removeprefix("kind-")
        kubeconfig, config = tmp_path / "run" / "kubeconfig", tmp_path / "run" / "kind.yaml"
        assert create[3:] == [
            f"--name={name}",
            f"--kubeconfig={kubeconfig}",
            f"--image={image}",
            "--config",
            str(config),
        ]
        assert f"network {name}" in fakes.left()
        (node,) = yaml.safe_load(config.read_text())["nodes"]
        devices = [{"hostPath": "/dev/null", "containerPath": "/var/run/nvidia-container-devices/all"}]
        assert node.get("extraMounts") == (devices if says else None)
        assert node.get("labels") == ({"accelerator": "gpu"} if says else None)
    assert fakes.left() == []
    assert not Path(".pytest-kind").exists()


def test_a_kind_node_that_sees_no_gpu_is_named_with_the_fix_and_removed(install, provider):
    fakes = install(**GPU, exec=[127, 'exec: "nvidia-smi": executable file not found in $PATH'])
    with (
        pytest.raises(AcceptanceError, match=r"control-plane sees no GPU \(exec: .*volume-mounts=true"),
        provider("kind"),
    ):
        pass
    assert fakes.left() == []


@BOTH
def test_images_that_docker_has_are_loaded_and_the_others_are_left_to_the_cluster(install, provider, target):
    fakes = install()
    cluster = provider(target)
    with cluster:
        cluster.load([PINNED.trainer, "registry.example/far:1", PINNED.vegeta, PINNED.trainer])
        assert cluster.loaded == [PINNED.trainer, PINNED.vegeta]
    if target == "k3d":
        assert fakes.calls("k3d", "image") == [
            ["k3d", "image", "import", "--cluster", cluster.name, PINNED.trainer, PINNED.vegeta]
        ]
    else:
        assert fakes.calls("kind", "load") == [
            ["kind", "load", "docker-image", "--name", cluster.name, image] for image in (PINNED.trainer, PINNED.vegeta)
        ]


@BOTH
@pytest.mark.parametrize("load", [[1, "ERRO[0003] no space left on device"], [0, "ERRO[0003] no space left on device"]])
def test_images_that_can_not_be_loaded_are_named_and_nothing_is_left(install, provider, target, load):
    fakes = install(load=load)
    cluster = provider(target)
    with pytest.raises(AcceptanceError, match=r"(?s)could not load .*no space left on device"), cluster:
        cluster.load([PINNED.trainer])
    assert fakes.left() == []


@BOTH
def test_a_pulled_image_that_can_not_be_loaded_is_left_to_the_cluster(install, provider, target):
    refused = "ctr: content digest sha256:0: not found"
    fakes = install(images={**OWN, PINNED.triton: []}, load=[1, refused])
    cluster = provider(target)
    with cluster:
        cluster.load([PINNED.triton])
        assert cluster.loaded == []
        assert len(fakes.calls("k3d", "image") + fakes.calls("kind", "load")) == 1
        with pytest.raises(AcceptanceError, match=refused):
            cluster.load([PINNED.triton, PINNED.trainer])


@BOTH
def test_a_cluster_that_is_reused_is_neither_made_nor_removed(install, provider, target):
    fakes = install(clusters=["blue"])
    with provider(target, cluster="blue") as access:
        assert access.context == f"{target}-blue"
        assert access.kubeconfig.exists()
    assert not fakes.calls("k3d", "cluster", "create") and not fakes.calls("kind", "create")
    assert not [call for call in fakes.calls("docker") if "rm" in call]


@BOTH
def test_keep_leaves_the_cluster_and_its_words_remove_it(install, provider, target):
    fakes = install()
    cluster = provider(target, keep=True)
    with cluster:
        pass
    assert fakes.left() != []
    delete = {"k3d": f"k3d cluster delete {cluster.name}", "kind": f"kind delete cluster --name {cluster.name}; "}
    assert cluster.how_to_remove().startswith(delete[target])


# --- cut off


@BOTH
def test_a_create_that_fails_half_way_is_told_with_its_cause_and_removed(install, provider, target):
    fakes = install(create="fails")
    with pytest.raises(AcceptanceError) as raised, provider(target):
        pass
    assert f"{target} could not create a cluster" in str(raised.value)
    assert "docker failed to pull image 'rancher/k3s:v1'" in str(raised.value)
    assert "\x1b" not in str(raised.value)
    assert fakes.left() == []


@BOTH
def test_ctrl_c_while_it_is_created_removes_what_there_is(install, provider, target):
    fakes = install(create="hangs")

    def interrupt():
        wait_until("a container", lambda: Ready(None) if any("container" in one for one in fakes.left()) else "", 30)
        os.kill(os.getpid(), signal.SIGINT)

    with beside(interrupt), pytest.raises(KeyboardInterrupt), provider(target):
        pass
    assert fakes.left() == []


def test_a_k3d_server_gets_the_device_plugin_with_the_image_that_the_run_named(install, provider, tmp_path):
    fakes = install(**GPU)
    override = tmp_path / "images.yaml"
    override.write_text("device-plugin: registry.example/plugin:1\n")
    cluster = provider("k3d", images=str(override))
    with cluster:
        assert not fakes.calls("docker", "cp")  # its image comes first
        cluster.load([])
    (copied,) = fakes.calls("docker", "cp")
    there = "/var/lib/rancher/k3s/server/manifests/nvidia-device-plugin.yaml"
    assert copied[3] == f"k3d-{cluster.name}-server-0:{there}"
    assert f"{there}\n" in (ROOT / "images" / "k3s-cuda" / "Dockerfile").read_text()  # in the built-in one's place
    plugin = yaml.safe_load(Path(copied[2]).read_text())
    assert plugin["spec"]["template"]["spec"]["containers"][0]["image"] == "registry.example/plugin:1"


def test_every_k3d_node_sees_the_whole_driver(install, provider):
    fakes = install(**GPU)
    with provider("k3d") as access:
        nodes = [f"{access.context}-{node}" for node in ("server-0", "agent-0", "agent-1")]
    hidden = ["umount", "-R", "/proc/driver/nvidia"]
    assert fakes.calls("docker", "exec") == [["docker", "exec", node, *hidden] for node in nodes]


def test_a_k3d_server_that_does_not_take_the_device_plugin_is_named_and_removed(install, provider):
    fakes = install(**GPU, cp=[1, "No such container"])
    cluster = provider("k3d")
    with pytest.raises(AcceptanceError, match=r"did not get the device plugin .*k8s-device-plugin.*No such"), cluster:
        cluster.load([])
    assert fakes.left() == []


def test_k3d_without_a_gpu_gets_no_device_plugin(install, provider):
    fakes = install()
    cluster = provider("k3d")
    with cluster:
        cluster.load([])
    assert not fakes.calls("docker", "cp")


def test_a_kind_node_with_a_gpu_gets_the_device_plugin_with_its_image(install, provider):
    with running_api_server() as server:
        server.answers["/version/"] = (200, VERSION)
        fakes = install(**GPU, server=server.address)
        cluster = provider("kind")
        with cluster as access:
            node = f"{access.context.removeprefix('kind-')}-control-plane"
            assert server.created == []  # its image comes first
            cluster.load([PINNED.device_plugin])
    (plugin,) = server.created
    assert plugin["kind"] == "DaemonSet"
    assert plugin["spec"]["template"]["spec"]["containers"][0]["image"] == PINNED.device_plugin
    assert fakes.calls("docker", "exec") == [
        ["docker", "exec", node, "nvidia-smi", "-L"],
        ["docker", "exec", node, "umount", "-R", "/proc/driver/nvidia"],
    ]


@BOTH
def test_what_is_missing_together_is_named_together(install, target):
    install(images={}, gpus=[0, "Tesla V100, 450.80.02"], cuda="11.0", info=GPU["info"])
    found = "\n".join(map(str, problems(target)))
    for fact in (PINNED.trainer, PINNED.vegeta, "450.80.02", "make images"):
        assert fact in found


@BOTH
def test_a_disk_without_room_for_the_nodes_images_is_named(install, tmp_path, target):
    install(info={**INFO, "DockerRootDir": str(tmp_path)}, image_bytes=1 << 50)
    (problem,) = problems(target)
    assert f"{tmp_path}: " in problem.what
    assert f"a run needs {(len(OWN) << 20) + 2:.1f} GiB there" in problem.what
    assert "docker system prune" in problem.fix
    install(info={**INFO, "DockerRootDir": str(tmp_path)}, clusters=["mine"], image_bytes=1 << 50)
    assert problems(target, cluster="mine") == []  # its nodes are there


def test_the_cuda_base_of_a_node_image_follows_the_driver_and_can_be_named_without_one(install):
    install(**GPU)
    assert cuda.base_for_this_machine() == "12.2.2-base-ubuntu22.04"
    install()
    with pytest.raises(BadSetting, match="No devices were found") as raised:
        cuda.base_for_this_machine()
    assert "CUDA=13.0.2-base-ubuntu22.04" in str(raised.value)
