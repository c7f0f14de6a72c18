"""A stand-in for OpenShift's admission of pods, as a webhook of the lab's API server.

It refuses pods that name a user of their own in its namespace, and gives the others one that is in no passwd, as the
security context constraint restricted-v2 does.
"""

import base64
import contextlib
import json
import ssl
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from kubernetes import client

from acceptance.kubernetes.openshift import USERS
from acceptance.storage.certificate import issue

FIRST, COUNT, GIVEN = 1_000_650_000, 10_000, 1_000_650_007


def review(asked: dict[str, Any]) -> dict[str, Any]:
    """Return the answer to an AdmissionReview of a pod."""
    request = asked["request"]
    context = request["object"]["spec"].get("securityContext") or {}
    answer: dict[str, Any] = {"uid": request["uid"], "allowed": True}
    if not FIRST <= context.get("runAsUser", GIVEN) < FIRST + COUNT:
        words = f"restricted-v2: .spec.securityContext.runAsUser: Invalid value: {context['runAsUser']}"
        answer |= {"allowed": False, "status": {"code": 403, "message": words}}
    else:
        given = {**context, "runAsUser": GIVEN, "fsGroup": GIVEN}
        patch = [{"op": "add", "path": "/spec/securityContext", "value": given}]
        answer |= {"patchType": "JSONPatch", "patch": base64.b64encode(json.dumps(patch).encode()).decode()}
    return {"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "response": answer}


class Handler(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        body = json.dumps(review(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *arguments: object) -> None:
        pass


@contextlib.contextmanager
def users_given(api: client.ApiClient, namespace: str, folder: Path, labels: dict[str, str]) -> Iterator[None]:
    """Have pods of the namespace get its user, until the context ends."""
    core: Any = client.CoreV1Api(api)
    admission: Any = client.AdmissionregistrationV1Api(api)
    issued = issue(["127.0.0.1"])
    pem = folder / "webhook.pem"
    pem.write_text(issued.certificate + issued.key)
    core.patch_namespace(namespace, {"metadata": {"annotations": {USERS: f"{FIRST}/{COUNT}"}}})
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(pem)
        server.socket = context.wrap_socket(server.socket, server_side=True)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        authority = base64.b64encode(issued.authority.encode()).decode()
        hook = {
            "name": "users.openshift.example",
            "clientConfig": {"url": f"https://127.0.0.1:{server.server_port}/", "caBundle": authority},
            "rules": [{"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["pods"]}],
            "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": namespace}},
            "sideEffects": "None",
            "admissionReviewVersions": ["v1"],
        }
        admission.create_mutating_webhook_configuration(
            {"metadata": {"name": namespace, "labels": labels}, "webhooks": [hook]}
        )
        try:
            yield
        finally:
            admission.delete_mutating_webhook_configuration(namespace)
            server.shutdown()
