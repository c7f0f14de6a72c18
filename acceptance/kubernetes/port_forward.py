"""A local port that leads to a pod: each connection goes to a pod that is ready then, so it outlives any one pod."""

import contextlib
import socket
import threading
from collections.abc import Callable

from kubernetes import client
from kubernetes.stream import portforward

from acceptance.errors import AcceptanceError
from acceptance.kubernetes.client import Cluster

CHUNK = 1 << 16


class Forward:
    """Listens on 127.0.0.1; `pod` names the pod that a new connection goes to, "" while there is none."""

    def __init__(self, cluster: Cluster, namespace: str, pod: Callable[[], str], port: int) -> None:
        self.cluster, self.namespace, self.pod, self.port = cluster, namespace, pod, port
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.address = f"127.0.0.1:{self.listener.getsockname()[1]}"
        self.connections: set[socket.socket] = set()
        threading.Thread(target=self.accept, name=f"forward {self.address}", daemon=True).start()

    def close(self) -> None:
        """Stop listening, and cut what is still connected."""
        # closing alone does not wake the thread that accepts
        with contextlib.suppress(OSError):
            self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        self.cut()

    def cut(self) -> None:
        for connection in self.connections.copy():
            close(connection)

    def accept(self) -> None:
        while True:
            try:
                local, _ = self.listener.accept()
            except OSError:  # closed
                return
            self.connections.add(local)
            threading.Thread(target=self.serve, args=(local,), name=f"forward {self.address}", daemon=True).start()

    def serve(self, local: socket.socket) -> None:
        """Carry one connection to its end; one that can't be carried is closed, and its client tries again."""
        try:
            pod = self.pod()
            if not pod:
                return
            with self.cluster.api() as api:
                forwarded = portforward(
                    client.CoreV1Api(api).connect_get_namespaced_pod_portforward,
                    pod,
                    self.namespace,
                    ports=str(self.port),
                )
                remote = forwarded.socket(self.port)
                requests = threading.Thread(target=carry, args=(local, remote), daemon=True)
                requests.start()
                carry(remote, local)
                close(local)  # wakes the other direction, which may wait for a client that has its answer
                requests.join()
                remote.close()
        except (client.ApiException, OSError, AcceptanceError):  # the last for want of a login
            return
        finally:
            self.connections.discard(local)
            close(local)


def carry(source: socket.socket, target: socket.socket) -> None:
    """Copy bytes until the source ends, then tell the target so: HTTP needs no half-closed connection.

    What a target no longer takes is read and dropped: the client's own thread breaks on a socket that is just closed.
    """
    taken = True
    with contextlib.suppress(OSError):
        while data := source.recv(CHUNK):
            if taken:
                taken = send(target, data)
    with contextlib.suppress(OSError):
        target.shutdown(socket.SHUT_WR)


def send(target: socket.socket, data: bytes) -> bool:
    """Send it all; say whether it was taken."""
    try:
        target.sendall(data)
    except OSError:
        return False
    return True


def close(connection: socket.socket) -> None:
    with contextlib.suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)
    connection.close()
