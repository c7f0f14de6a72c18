"""docker, k3d, kind and nvidia-smi, made up: one script under each name, for contract tests of clusters in containers.

Beside it lie says.json (what they are to say), calls.jsonl (what they were asked) and docker.json (what Docker has).
The words of k3d and kind were said by k3d 5.8.3 and kind 0.30.0, Docker's by 20.10.24; nvidia-smi's are from memory.
"""

import contextlib
import fcntl
import json
import signal
import sys
from pathlib import Path

HERE = Path(sys.argv[0]).parent
SAYS = json.loads((HERE / "says.json").read_text())
DOCKER = HERE / "docker.json"
KUBECONFIG = """apiVersion: v1
kind: Config
clusters: [{name: c, cluster: {server: "%s"}}]
users: [{name: u, user: {}}]
contexts: [{name: %s, context: {cluster: c, user: u}}]
current-context: %s
"""


def kubeconfig(context):
    return SAYS.get("kubeconfig") or KUBECONFIG % (SAYS["server"], context, context)


@contextlib.contextmanager
def docker_state():
    """What Docker has, to be changed; other programs and the test wait until it is written."""
    with DOCKER.open("r+") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        there = json.load(file)
        yield there
        file.seek(0)
        json.dump(there, file)
        file.truncate()


def make(kind, *names):
    with docker_state() as there:
        there[kind] += names


def end(code, words):
    print(words, file=sys.stderr if code else sys.stdout)
    sys.exit(code)


def docker(verb, *rest):
    if verb == "info":
        end(SAYS["info_code"], json.dumps(SAYS["info"]))
    if verb == "image":
        image = rest[-1]
        if "{{.Size}}" in rest and image in SAYS["images"]:
            end(0, SAYS["image_bytes"])
        known = SAYS["images"]
        end(0, json.dumps(known[image])) if image in known else end(1, f"Error: No such image: {image}")
    if verb == "exec":
        end(*SAYS["exec"])
    if verb == "cp":
        end(*SAYS["cp"])
    with docker_state() as there:
        kind = "container" if verb == "ps" else verb
        found, in_use = there[kind], kind_in_use(there, verb)
        listing = verb == "ps" or rest[0] == "ls"
        if not listing and not in_use:
            there[verb] = [name for name in there[verb] if name not in rest]
    if listing:
        end(0, "\n".join(found))
    if in_use:
        end(1, f"Error response from daemon: error while removing network: network {rest[-1]} has active endpoints")


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
        end(0, kubeconfig(f"k3d-{words[2]}"))
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
        Path(options["--kubeconfig"]).write_text(kubeconfig(f"kind-{name}"))
    if words[:2] == ("get", "kubeconfig"):
        end(0, kubeconfig(f"kind-{words[-1]}"))
    if words[0] == "load":
        end(*SAYS["load"])


def nvidia_smi(*words):
    if not SAYS["knows_capability"] and "compute_cap" in " ".join(words):
        end(2, 'Field "compute_cap" is not a valid field to query.')
    end(*SAYS["gpus"] if words else (0, f"| NVIDIA-SMI 535.183.01    CUDA Version: {SAYS['cuda']}  |"))


if __name__ == "__main__":
    program = Path(sys.argv[0]).name
    with (HERE / "calls.jsonl").open("a") as calls:
        fcntl.flock(calls, fcntl.LOCK_EX)
        calls.write(json.dumps([program, *sys.argv[1:]]) + "\n")
    {"docker": docker, "k3d": k3d, "kind": kind, "nvidia-smi": nvidia_smi}[program](*sys.argv[1:])
