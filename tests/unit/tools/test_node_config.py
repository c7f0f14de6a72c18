"""What containerd of a node with a GPU is configured to do, as its own parser understands it.

k3s' template is rendered by Go's own engine; its base is stood in for by what k3s' documentation says: the runtimes
that it finds, and the default one. kind's configuration is kind's own, changed by NVIDIA's own nvidia-ctk.
"""

import json
import re
import shutil
import subprocess
import tomllib
from pathlib import Path

import pytest

from acceptance.paths import ROOT

PROGRAMS = ROOT / ".venv" / "bin"
TEMPLATE = ROOT / "images" / "k3s-cuda" / "config-v3.toml.tmpl"
RUNTIMES = "io.containerd.cri.v1.runtime"
RENDER = """package main

import ("os"; "text/template")

type Runtime struct { RuntimeType, BinaryName string }
type Config struct { SystemdCgroup bool; ExtraRuntimes map[string]Runtime }

const base = `version = 3
[plugins.'io.containerd.cri.v1.runtime'.containerd]
  default_runtime_name = "nvidia"
[plugins.'io.containerd.cri.v1.runtime'.containerd.runtimes.runc]
  runtime_type = "io.containerd.runc.v2"
{{ range $name, $runtime := .ExtraRuntimes }}
[plugins.'io.containerd.cri.v1.runtime'.containerd.runtimes.{{ $name }}]
  runtime_type = "{{ $runtime.RuntimeType }}"
[plugins.'io.containerd.cri.v1.runtime'.containerd.runtimes.{{ $name }}.options]
  BinaryName = "{{ $runtime.BinaryName }}"
{{ end }}`

func main() {
	text, err := os.ReadFile(os.Args[1])
	if err != nil { panic(err) }
	found := map[string]Runtime{}
	for _, name := range os.Args[2:] { found[name] = Runtime{"io.containerd.runc.v2", "/found/" + name} }
	whole := template.Must(template.New("config").Parse(string(text)))
	template.Must(whole.New("base").Parse(base))
	if err := whole.Execute(os.Stdout, Config{true, found}); err != nil { panic(err) }
}
"""


@pytest.fixture(scope="module")
def go():
    """Go, for its template engine and its modules; skips without it."""
    if not (found := shutil.which("go")):
        pytest.skip("no go on the PATH")
    return found


@pytest.fixture(scope="module")
def render(tmp_path_factory, go):
    """Render the template for a node where k3s found these runtimes."""
    folder = tmp_path_factory.mktemp("render")
    (folder / "main.go").write_text(RENDER)
    renderer = folder / "render"
    subprocess.run([go, "build", "-o", renderer, "main.go"], cwd=folder, check=True, timeout=300)

    def render(*found):
        answer = subprocess.run([renderer, TEMPLATE, *found], capture_output=True, text=True, check=True, timeout=60)
        return answer.stdout

    return render


def program(name):
    """Return one of the programs that tools/cluster_programs builds; skips without it."""
    if not (PROGRAMS / name).exists():
        pytest.skip(f"no {name}: `tools/cluster_programs` builds it")
    return PROGRAMS / name


def understood(configuration, folder):
    """Return what containerd itself reads out of a configuration: (exit status, its own configuration or its error)."""
    file = folder / "containerd.toml"
    file.write_text(configuration)
    command = [program("nodes-containerd"), "--config", file, "config", "dump"]
    answer = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    return answer.returncode, answer.stderr if answer.returncode else read(answer.stdout)


def read(configuration):
    return tomllib.loads(configuration)["plugins"][RUNTIMES]["containerd"]


def test_the_nvidia_runtime_that_k3s_found_is_left_as_it_is(render):
    containerd = read(render("nvidia", "crun"))
    assert containerd["runtimes"]["nvidia"]["options"] == {"BinaryName": "/found/nvidia"}
    assert set(containerd["runtimes"]) == {"runc", "nvidia", "crun"}


@pytest.mark.parametrize("found", [(), ("crun",)])
def test_the_nvidia_runtime_that_k3s_did_not_find_is_added(render, found):
    containerd = read(render(*found))
    assert containerd["runtimes"]["nvidia"] == {
        "runtime_type": "io.containerd.runc.v2",
        "options": {"BinaryName": "/usr/bin/nvidia-container-runtime", "SystemdCgroup": True},
    }
    assert containerd["default_runtime_name"] == "nvidia"


@pytest.mark.parametrize(
    ("found", "runtime"), [((), "/usr/bin/nvidia-container-runtime"), (("nvidia",), "/found/nvidia")]
)
def test_containerd_understands_the_template(render, tmp_path, found, runtime):
    status, containerd = understood(render(*found), tmp_path)
    assert status == 0, containerd
    assert containerd["runtimes"]["nvidia"]["options"]["BinaryName"] == runtime
    assert containerd["runtimes"]["nvidia"]["runtime_type"] == "io.containerd.runc.v2"
    assert containerd["default_runtime_name"] == "nvidia"


def test_containerd_refuses_a_template_that_is_wrong(render, tmp_path):
    wrong = render().replace('runtime_type = "io.containerd.runc.v2"', "runtime_type = 2")
    status, error = understood(wrong, tmp_path)
    assert status != 0
    assert "cannot decode TOML integer into struct field config.Runtime.Type" in error


@pytest.fixture(scope="module")
def kinds_own(go, tmp_path_factory):
    """containerd's configuration of kind's nodes, from the module of the kind that tools/cluster_programs builds."""
    version = re.findall(r"^KIND=(\S+)$", (ROOT / "tools/cluster_programs").read_text(), re.MULTILINE)[0]
    command = [go, "mod", "download", "-json", f"sigs.k8s.io/kind@{version}"]
    folder = tmp_path_factory.mktemp("kind")
    try:
        answer = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=120, check=False)
    except subprocess.TimeoutExpired:
        pytest.skip("kind's module could not be fetched in 120 s")
    if answer.returncode:
        pytest.skip(f"kind's module can't be had: {answer.stdout[-300:]}")
    return (Path(json.loads(answer.stdout)["Dir"]) / "images/base/files/etc/containerd/config.toml").read_text()


def test_containerd_understands_what_the_toolkit_makes_of_kinds_configuration(kinds_own, tmp_path):
    """The Dockerfile's own commands, on files elsewhere."""
    dockerfile = (ROOT / "images/kind-cuda/Dockerfile").read_text()
    version = re.findall(r"^TOOLKIT=v(\S+)$", (ROOT / "tools/cluster_programs").read_text(), re.MULTILINE)[0]
    assert f"ARG TOOLKIT={version}-1" in dockerfile
    config, configure = re.findall(r"&& (nvidia-ctk .*?)(?: \\)?$", dockerfile, re.MULTILINE)
    file, own = tmp_path / "config.toml", tmp_path / "nvidia.toml"
    file.write_text(kinds_own)
    assert "nvidia" not in kinds_own
    for line in (config.replace("/etc/nvidia-container-runtime/config.toml", str(own)), f"{configure} --config={file}"):
        subprocess.run([program("nvidia-ctk"), *line.split()[1:]], check=True, timeout=60)
    status, containerd = understood(file.read_text(), tmp_path)
    assert status == 0, containerd
    assert containerd["default_runtime_name"] == "nvidia"
    assert containerd["runtimes"]["nvidia"]["options"]["BinaryName"] == "/usr/bin/nvidia-container-runtime"
    assert containerd["runtimes"]["nvidia"]["options"]["SystemdCgroup"] is True
    assert "runc" in containerd["runtimes"]
    assert tomllib.loads(own.read_text())["nvidia-container-runtime"]["runtimes"] == ["docker-runc", "runc", "crun"]
