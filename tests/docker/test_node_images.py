"""The Dockerfiles of nodes with GPUs, on stand-ins for what they are FROM: a made-up apt-get, a made-up k3s."""

import secrets
import subprocess

import pytest
import yaml

from acceptance.paths import ROOT
from tools import node_images
from tools.lab_image_names import own_images

pytestmark = pytest.mark.docker
IMAGES = ROOT / "images"
# says what it was asked for, and puts down what the toolkit's packages have
APT = """#!/bin/sh
echo "$*" >>/apt-calls
[ "$1" = install ] || exit 0
for name in nvidia-container-runtime nvidia-container-cli nvidia-cdi-hook nvidia-ctk; do
    printf '#!/bin/sh\\necho "$*" >>/etc/%s-calls\\n' $name >/usr/bin/$name
    chmod +x /usr/bin/$name
done
mkdir -p /usr/lib/x86_64-linux-gnu && touch /usr/lib/x86_64-linux-gnu/libnvidia-container.so.1
"""


@pytest.fixture(scope="module")
def build(client, tmp_path_factory):
    """Build an image with the docker command; everything that was built goes in the end."""
    built = []

    def build(name, context, dockerfile=None, **arguments):
        options = [f"--build-arg={key}={value}" for key, value in arguments.items()]
        file = ["--file", str(dockerfile)] if dockerfile else []
        answer = subprocess.run(
            ["docker", "build", "--tag", name, *options, *file, str(context)],
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        assert answer.returncode == 0, answer.stdout + answer.stderr
        built.append(name)
        return name

    yield build
    for name in reversed(built):
        client.images.remove(name, force=True)


@pytest.fixture(scope="module")
def stand_ins(build, tmp_path_factory):
    """What a Dockerfile is FROM: the tag of a CUDA base, and k3s' image."""
    tag = f"stand-in-{secrets.token_hex(4)}"
    cuda, k3s = tmp_path_factory.mktemp("cuda"), tmp_path_factory.mktemp("k3s")
    (cuda / "apt-get").write_text(APT)
    (cuda / "apt-get").chmod(0o755)
    lines = [f"FROM {own_images()['trainer']}", "USER 0", "ENTRYPOINT []", "COPY apt-get /usr/bin/apt-get"]
    (cuda / "Dockerfile").write_text("\n".join([*lines, "ENV CUDA_VERSION=12.4.1", ""]))
    (k3s / "bin" / "aux").mkdir(parents=True)
    (k3s / "bin" / "k3s").write_text('#!/bin/sh\necho "k3s $*"\n')
    (k3s / "bin" / "k3s").chmod(0o755)
    (k3s / "bin" / "kubectl").symlink_to("k3s")
    (k3s / "bin" / "aux" / "iptables").write_text("#!/bin/sh\n")
    (k3s / "Dockerfile").write_text("FROM scratch\nCOPY bin /bin\n")
    build(f"nvcr.io/nvidia/cuda:{tag}", cuda)
    return tag, build(f"lab.local/k3s:{tag}", k3s)


def run(image, *command, options=()):
    """Return what a container says; its volumes go with it."""
    answer = ["docker", "run", "--rm", *options, image, *command]
    return subprocess.run(answer, capture_output=True, text=True, timeout=60, check=True).stdout


def output(image, program, *arguments):
    return run(image, *arguments, options=["--entrypoint", program])


@pytest.fixture(scope="module")
def k3s_cuda(build, stand_ins):
    tag, k3s = stand_ins
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CUDA", tag)
        arguments = dict(one.split("=", 1) for one in node_images.arguments("k3s-cuda"))
    assert arguments["CUDA"] == tag
    name = f"lab.local/k3s-cuda:{tag}"
    return build(name, IMAGES, IMAGES / "k3s-cuda" / "Dockerfile", **{**arguments, "K3S": k3s})


def test_k3s_runs_as_server_and_agent_beside_what_the_base_has(k3s_cuda):
    assert run(k3s_cuda) == "k3s agent\n"
    assert run(k3s_cuda, "server", "--disable=traefik") == "k3s server --disable=traefik\n"
    assert output(k3s_cuda, "kubectl", "get", "nodes") == "k3s get nodes\n"
    assert "python" in output(k3s_cuda, "ls", "/bin", "/usr/bin")
    assert "iptables" in output(k3s_cuda, "ls", "/bin/aux")


def test_the_image_declares_what_k3s_does(client, k3s_cuda):
    config = client.images.get(k3s_cuda).attrs["Config"]
    assert set(config["Volumes"]) == {"/var/lib/kubelet", "/var/lib/rancher/k3s", "/var/lib/cni", "/var/log"}
    variables = dict(one.split("=", 1) for one in config["Env"])
    assert variables["PATH"].endswith(":/bin/aux") and "/usr/bin" in variables["PATH"]
    assert variables["CRI_CONFIG_FILE"] == "/var/lib/rancher/k3s/agent/etc/crictl.yaml"
    assert variables["CUDA_VERSION"] == "12.4.1"


def test_the_toolkit_is_pinned_and_k3s_finds_its_configuration(k3s_cuda):
    calls = output(k3s_cuda, "cat", "/apt-calls").splitlines()
    assert calls[0] == "update"
    assert "nvidia-container-toolkit=1.17.8-1 nvidia-container-toolkit-base=1.17.8-1" in calls[1]
    assert yaml.safe_load(output(k3s_cuda, "cat", "/etc/rancher/k3s/config.yaml")) == {"default-runtime": "nvidia"}
    template = (IMAGES / "k3s-cuda" / "config-v3.toml.tmpl").read_text()
    path = "/var/lib/rancher/k3s/agent/etc/containerd/config-v3.toml.tmpl"
    # a container's volume begins with what the image has there
    assert output(k3s_cuda, "cat", path) == template


def test_the_server_applies_the_device_plugin_with_its_image_in_place(k3s_cuda):
    path = "/var/lib/rancher/k3s/server/manifests/nvidia-device-plugin.yaml"
    (plugin,) = yaml.safe_load_all(output(k3s_cuda, "cat", path))
    (container,) = plugin["spec"]["template"]["spec"]["containers"]
    assert plugin["kind"] == "DaemonSet"
    assert plugin["spec"]["template"]["spec"]["nodeSelector"] == {"accelerator": "gpu"}
    assert container["image"].startswith("nvcr.io/nvidia/k8s-device-plugin:v")


def test_kinds_node_has_the_toolkit_as_its_default_runtime(build, stand_ins, tmp_path):
    tag, _ = stand_ins
    (tmp_path / "Dockerfile").write_text(f"FROM {own_images()['trainer']}\nUSER 0\n")
    node = build(f"lab.local/node:{tag}", tmp_path)
    name = build(f"lab.local/kind-cuda:{tag}", IMAGES, IMAGES / "kind-cuda" / "Dockerfile", CUDA=tag, KIND_NODE=node)
    assert output(name, "cat", "/etc/nvidia-ctk-calls").splitlines() == [
        "config --config-file=/etc/nvidia-container-runtime/config.toml --in-place",
        "runtime configure --runtime=containerd --config-source=file --set-as-default",
    ]
    there = output(name, "ls", "/usr/bin", "/usr/lib/x86_64-linux-gnu").split()
    assert {"nvidia-container-runtime", "nvidia-container-cli", "libnvidia-container.so.1"} <= set(there)
