"""Removes a cluster in containers, whole or half made, by what its program calls things; needs only Docker.

The guardian runs it with PROGRAM NAME when pytest has gone.
"""

import sys

from acceptance.clusters.host import ask
from acceptance.errors import AcceptanceError, exit_code_of
from acceptance.waiting import Ready, wait_until

SECONDS = 120
# a create that was cut off may still bring something into being
LOOKS = 3

# the label of a cluster's containers, and the names of its network and its volume
LABELS = {"k3d": "k3d.cluster", "kind": "io.x-k8s.kind.cluster"}


def network_of(program: str, name: str) -> str:
    """Return the cluster's network; kind's is one of the run's own, for kind's clusters share theirs."""
    return f"k3d-{name}" if program == "k3d" else name


def found(program: str, name: str) -> dict[str, list[str]]:
    """Return the cluster's containers, networks and volumes by name."""
    label = f"label={LABELS[program]}={name}"
    network = f"name=^{network_of(program, name)}$"
    volume = f"name=^k3d-{name}-images$"
    return {
        "container": lines("ps", "--all", "--filter", label, "--format", "{{.Names}}"),
        "network": lines("network", "ls", "--filter", network, "--format", "{{.Name}}"),
        "volume": lines("volume", "ls", "--filter", volume, "--format", "{{.Name}}") if program == "k3d" else [],
    }


def lines(*arguments: str) -> list[str]:
    answer = ask(["docker", *arguments])
    if answer.code:
        raise AcceptanceError(f"docker {' '.join(arguments)}: {answer.output.strip()}")
    return answer.output.split()


def remove(program: str, name: str) -> None:
    """Remove all that the cluster has on Docker; raises AcceptanceError that says how to remove what is left."""
    options = {"container": ["--force", "--volumes"], "network": [], "volume": ["--force"]}
    clear = 0

    def state() -> Ready[None] | str:
        nonlocal clear
        left = found(program, name)
        for kind, names in left.items():
            if names:  # what can't go yet is in use by what goes first: the next look tells
                ask(["docker", kind, "rm", *options[kind], *names])
        words = [f"{kind} {one}" for kind, names in left.items() for one in names]
        clear = 0 if words else clear + 1
        return Ready(None) if clear == LOOKS else f"there are {', '.join(words)}"

    try:
        wait_until(f"Docker to remove the cluster {name}", state, SECONDS, poll=0.2)
    except AcceptanceError as error:
        raise AcceptanceError(f"{error}; remove it with `{by_hand(program, name)}`") from error


def by_hand(program: str, name: str) -> str:
    """Return the command that removes the cluster."""
    if program == "k3d":
        return f"k3d cluster delete {name}"
    return f"kind delete cluster --name {name}; docker network rm {network_of(program, name)}"


def main(program: str, name: str) -> int:
    return exit_code_of(lambda: remove(program, name))


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
