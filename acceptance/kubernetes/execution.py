"""A short command in a container that runs."""

import contextlib
from collections.abc import Sequence

from kubernetes import client
from kubernetes.stream import stream
from websocket import WebSocketException

from acceptance.errors import AcceptanceError
from acceptance.health import first_words
from acceptance.kubernetes.client import CONNECT_SECONDS, SECONDS, Cluster
from acceptance.waiting import in_time


def output_in_pod(cluster: Cluster, namespace: str, pod: str, container: str, command: Sequence[str]) -> str:
    """Return all that a command says; raises AcceptanceError where it fails, or may not be run."""
    doing = f"running {command[0]} in pod {pod}"

    def run() -> tuple[int | None, str]:
        with cluster.api() as api:
            asked = client.CoreV1Api(api).connect_get_namespaced_pod_exec
            options = {"container": container, "command": [*command], "stdout": True, "stderr": True}
            with contextlib.closing(stream(asked, pod, namespace, **options, _preload_content=False)) as shell:
                shell.run_forever(SECONDS)
                # in this order: reading it all forgets the code
                return shell.returncode, shell.read_all()

    try:
        code, said = in_time(doing, run, SECONDS + CONNECT_SECONDS)
    except client.ApiException as error:
        words = str(error.reason).partition(" -+-+- ")[0]  # the answer's headers follow
        raise AcceptanceError(f"{doing}: {words}") from error
    # of a connection that was cut, the library takes apart what isn't there
    except (LookupError, TypeError, ValueError, OSError, WebSocketException) as error:
        raise AcceptanceError(f"{doing}: the connection was cut") from error
    if code is None:
        raise AcceptanceError(f"{doing}: it was not over after {SECONDS} s")
    if code:
        raise AcceptanceError(f"{doing}: it ended with {code} and said {first_words(said)}")
    return said
