"""A local port that leads to a pod: each connection goes to a pod that is ready then, so it outlives any one pod."""

import contextlib
import select
import socket
import ssl
import threading
from collections.abc import Callable

from kubernetes import client
from kubernetes.stream import stream
from websocket import ABNF, WebSocket, WebSocketException

from acceptance.errors import AcceptanceError
from acceptance.kubernetes.client import Cluster

CHUNK = 1 << 16
# the channels of a forward's one port
DATA, ERRORS = 0, 1


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
                # the library's own forward copies all that it has for each frame: 50 MB took half a minute
                asked = client.CoreV1Api(api).connect_get_namespaced_pod_portforward
                websocket = stream(asked, pod, self.namespace, ports=str(self.port), _preload_content=False).sock
                with contextlib.closing(websocket):
                    carry(local, websocket)
        # AcceptanceError for want of a login, ValueError of a local socket that was cut
        except (client.ApiException, WebSocketException, OSError, AcceptanceError, ValueError):
            return
        finally:
            self.connections.discard(local)
            close(local)


def carry(local: socket.socket, websocket: WebSocket) -> None:
    """Carry bytes both ways until one side ends; whoever takes none has the other wait.

    A frame's first byte is its channel; the first frame of each channel has the port's number alone.
    """
    begun: set[int] = set()
    while (remote := websocket.sock) is not None:
        held = isinstance(remote, ssl.SSLSocket) and remote.pending()
        readable, _, _ = select.select([remote, local], [], [], 0 if held else None)
        if held or remote in readable:
            code, frame = websocket.recv_data()
            if code != ABNF.OPCODE_BINARY or (frame[0] == ERRORS and ERRORS in begun):
                return
            if frame[0] in begun:
                local.sendall(frame[1:])
            begun.add(frame[0])
        if local in readable:
            data = local.recv(CHUNK)
            if not data:
                return
            websocket.send_binary(bytes([DATA]) + data)


def close(connection: socket.socket) -> None:
    with contextlib.suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)
    connection.close()
