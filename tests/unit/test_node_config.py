"""What containerd of a k3s node with a GPU is configured to do: the template as Go's own engine renders it.

k3s' own part of it is stood in for by what its documentation says: the runtimes that it finds, and the default one.
"""

import shutil
import subprocess
import tomllib

import pytest

from tests.running import ROOT

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
def render(tmp_path_factory):
    """Render the template for a node where k3s found these runtimes; skips without Go."""
    if not shutil.which("go"):
        pytest.skip("no go on the PATH, whose template engine it takes")
    folder = tmp_path_factory.mktemp("render")
    (folder / "main.go").write_text(RENDER)
    program = folder / "render"
    subprocess.run(["go", "build", "-o", program, "main.go"], cwd=folder, check=True, timeout=300)

    def render(*found):
        answer = subprocess.run([program, TEMPLATE, *found], capture_output=True, text=True, check=True)
        return tomllib.loads(answer.stdout)["plugins"][RUNTIMES]["containerd"]

    return render


def test_the_nvidia_runtime_that_k3s_found_is_left_as_it_is(render):
    containerd = render("nvidia", "crun")
    assert containerd["runtimes"]["nvidia"]["options"] == {"BinaryName": "/found/nvidia"}
    assert set(containerd["runtimes"]) == {"runc", "nvidia", "crun"}


@pytest.mark.parametrize("found", [(), ("crun",)])
def test_the_nvidia_runtime_that_k3s_did_not_find_is_added(render, found):
    containerd = render(*found)
    assert containerd["runtimes"]["nvidia"] == {
        "runtime_type": "io.containerd.runc.v2",
        "options": {"BinaryName": "/usr/bin/nvidia-container-runtime", "SystemdCgroup": True},
    }
    assert containerd["default_runtime_name"] == "nvidia"
