"""docker, k3d, kind and nvidia-smi, made up: one script under each name, for contract tests of clusters in containers.

Beside it lie says.json (what they are to say), calls.jsonl (what they were asked) and docker.json (what Docker has).
The words of k3d and kind were said by k3d 5.8.3 and kind 0.30.0, Docker's by 20.10.24; nvidia-smi's are from memory.
"""

import json
import signal
import sys
from pathlib import Path

HERE = Path(sys.argv[0]).parent
SAYS = json.loads((HERE / "says.json").read_text())
DOCKER = HERE / "docker.json"
KUBECONFIG = """apiVersion: v1
kind: Config
clusters: [{name: c, cluster: {server: "https://127.0.0.1:1"}}]
users: [{name: u, user: {}}]
contexts: [{name: %s, context: {cluster: c, user: u}}]
current-context: %s
"""


def make(kind, *names):
    there = json.loads(DOCKER.read_text())
    there[kind] += names
    DOCKER.write_text(json.dumps(there))


def end(code, words):
    print(words, file=sys.stderr if code else sys.stdout)
    sys.exit(code)


def docker(verb, *rest):
    if verb == "info":
        end(SAYS["info_code"], json.dumps(SAYS["info"]))
    if verb == "image":
        image = rest[-1]
        known = SAYS["images"]
        end(0, json.dumps(known[image])) if image in known else end(1, f"Error: No such image: {image}")
    if verb == "exec":
        end(*SAYS["exec"])
    if verb == "cp":
        end(*SAYS["cp"])
    there = json.loads(DOCKER.read_text())
    if verb == "ps" or rest[0] == "ls":
        kind = "container" if verb == "ps" else verb
        end(0, "\n".join(there[kind]))
    if kind_in_use(there, verb):
        end(1, f"Error response from daemon: error while removing network: network {rest[-1]} has active endpoints")
    there[verb] = [name for name in there[verb] if name not in rest]
    DOCKER.write_text(json.dumps(there))


def kind_in_use(there, verb):
    return verb in ("network", "volume") and there["container"]


def create(name, containers, network, volumes):
    make("network", network)
    make("volume", *volumes)
    if SAYS["create"] == "fails":
        end(1, "\x1b[31mERRO\x1b[0m[0001] failed Cluster Creation: docker failed to pull image 'rancher/k3s:v1'")
    make("container", *containers)
    if SAYS["create"] == "hangs":
        print("preparing nodes", flush=True)
        signal.pause()


def k3d(*words):
    if words[0] == "version":
        end(0, SAYS["k3d_version"])
    if words[:2] == ("cluster", "list"):
        end(0, json.dumps([{"name": name} for name in SAYS["clusters"]]))
    if words[:2] == ("cluster", "create"):
        name = words[2]
        create(name, [f"k3d-{name}-server-0", f"k3d-{name}-serverlb"], f"k3d-{name}", [f"k3d-{name}-images"])
    if words[:2] == ("kubeconfig", "get"):
        end(0, SAYS.get("kubeconfig") or KUBECONFIG % (f"k3d-{words[2]}", f"k3d-{words[2]}"))
    if words[:2] == ("image", "import"):
        end(*SAYS["load"])


def kind(*words):
    options = dict(word.partition("=")[::2] for word in words)
    if words[0] == "version":
        end(0, SAYS["kind_version"])
    if words[:2] == ("get", "clusters"):
        end(0, "\n".join(SAYS["clusters"]))
    if words[:2] == ("create", "cluster"):
        name = options["--name"]
        create(name, [f"{name}-control-plane"], name, [])
        Path(options["--kubeconfig"]).write_text(KUBECONFIG % (f"kind-{name}", f"kind-{name}"))
    if words[:2] == ("get", "kubeconfig"):
        end(0, KUBECONFIG % (f"kind-{words[-1]}", f"kind-{words[-1]}"))
    if words[0] == "load":
        end(*SAYS["load"])


def nvidia_smi(*words):
    end(*SAYS["gpus"] if words else (0, f"| NVIDIA-SMI 535.183.01    CUDA Version: {SAYS['cuda']}  |"))


if __name__ == "__main__":
    program = Path(sys.argv[0]).name
    with (HERE / "calls.jsonl").open("a") as calls:
        calls.write(json.dumps([program, *sys.argv[1:]]) + "\n")
    {"docker": docker, "k3d": k3d, "kind": kind, "nvidia-smi": nvidia_smi}[program](*sys.argv[1:])
