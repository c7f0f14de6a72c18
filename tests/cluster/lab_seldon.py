"""Seldon Core on the lab, as far as it can be had: the real CRD, and a stand-in for its controller and its ingress.

The stand-in does what Seldon's documents and sources say of a SeldonDeployment with one predictor without an
orchestrator: a Deployment with an initializer, a Service, and the status. In the initializer's place a script reads the
Secret as rclone does.
"""

import contextlib
import copy
import lzma
import re
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler
from typing import Any

import pytest
import requests
import yaml
from kubernetes import client

from acceptance.kubernetes import kinds
from acceptance.kubernetes.kinds import CUSTOM
from acceptance.paths import ROOT
from acceptance.waiting import Ready, wait_until
from tests.cluster.lab_namespace import IMAGE, LabNamespace
from tests.cluster.left_behind import of_these_tests
from tests.http_server import answering
from tools.lab_image_names import own_images

KIND = CUSTOM["SeldonDeployment"]
CRD = ROOT.parent / "shared" / "seldon" / "crd.yaml.xz"
# has boto3
COPIER = own_images()["trainer"]
KNOWN_SECONDS = 60
POLL_SECONDS = 0.3
# as rclone does, with the remote that the URI names
COPY = """
import os, sys
import boto3
uri, folder = sys.argv[1:]
remote, _, place = uri.partition("://")
given = {name: os.environ.get(f"RCLONE_CONFIG_{remote.upper()}_{name}") for name in
         ("TYPE", "ENDPOINT", "ACCESS_KEY_ID", "SECRET_ACCESS_KEY", "REGION")}
assert given["TYPE"] == "s3", given["TYPE"]
store = boto3.client("s3", endpoint_url=given["ENDPOINT"], aws_access_key_id=given["ACCESS_KEY_ID"],
                     aws_secret_access_key=given["SECRET_ACCESS_KEY"], region_name=given["REGION"])
bucket, _, prefix = place.partition("/")
for one in store.list_objects_v2(Bucket=bucket, Prefix=prefix + "/").get("Contents", []):
    path = os.path.join(folder, one["Key"].removeprefix(prefix + "/"))
    os.makedirs(os.path.dirname(path), exist_ok=True)
    store.download_file(bucket, one["Key"], path)
"""


@contextlib.contextmanager
def seldons_kind(api: client.ApiClient) -> Iterator[None]:
    """Have the lab learn SeldonDeployments, if it doesn't know them yet."""
    if not CRD.exists():
        pytest.skip(f"no CRD of Seldon Core: there is no {CRD}")
    if kinds.knows(api, KIND):
        yield
        return
    with lzma.open(CRD) as file:
        definition = yaml.load(file, yaml.CSafeLoader)
    definition["metadata"]["labels"] = of_these_tests()
    extensions = client.ApiextensionsV1Api(api)
    extensions.create_custom_resource_definition(definition)
    try:
        wait_until("the lab to know SeldonDeployments", lambda: known(api), KNOWN_SECONDS)
        yield
    finally:
        extensions.delete_custom_resource_definition(definition["metadata"]["name"])


def known(api: client.ApiClient) -> Ready[None] | str:
    listing = client.CustomObjectsApi(api).list_cluster_custom_object
    try:
        listing(KIND.group, KIND.version, KIND.plural, _request_timeout=10)
    except client.ApiException as error:
        return f"HTTP {error.status}"
    return Ready(None)


class StandIn:
    """In the place of Seldon's controller and its ingress."""

    def __init__(self, api: client.ApiClient) -> None:
        self.ended = threading.Event()
        self.custom: Any = client.CustomObjectsApi(api)
        self.core: Any = client.CoreV1Api(api)
        self.apps: Any = client.AppsV1Api(api)
        # the address of each predictor's Service, by its namespace and name
        self.services: dict[tuple[str, str], str] = {}
        self.paths: list[str] = []
        self.trouble: list[Exception] = []

    def run(self) -> None:
        while not self.ended.wait(POLL_SECONDS):
            try:
                for one in self.custom.list_cluster_custom_object(KIND.group, KIND.version, KIND.plural)["items"]:
                    self.reconcile(one)
            except client.ApiException as error:
                if error.status not in (404, 409):  # it went meanwhile
                    self.trouble.append(error)

    def reconcile(self, found: Any) -> None:
        about = found["metadata"]
        namespace, name, state = about["namespace"], about["name"], found.get("status", {}).get("state")
        called = f"{name}-{found['spec']['predictors'][0]['name']}"
        graph = found["spec"]["predictors"][0]["graph"]
        deployment = f"{called}-0-{graph['name']}"
        if not state:
            self.make(found, namespace, called, deployment)
            self.say(namespace, name, state="Creating")
            return
        made = self.apps.read_namespaced_deployment(deployment, namespace)
        available = made.status.available_replicas or 0
        if available and state != "Available":
            url = f"http://{called}.{namespace}.svc.cluster.local:9000/v2/models/{graph['name']}/infer"
            status = {deployment: {"replicas": 1, "availableReplicas": available, "status": "Available"}}
            self.say(namespace, name, state="Available", address={"url": url}, deploymentStatus=status)

    def say(self, namespace: str, name: str, **status: Any) -> None:
        patch = self.custom.patch_namespaced_custom_object_status
        patch(KIND.group, KIND.version, namespace, KIND.plural, name, {"status": status})

    def make(self, found: Any, namespace: str, called: str, deployment: str) -> None:
        predictor, about = found["spec"]["predictors"][0], found["metadata"]
        graph, described = predictor["graph"], copy.deepcopy(predictor["componentSpecs"][0])
        spec, labels = described["spec"], {"seldon-deployment-id": about["name"], "seldon-app": called}
        models = f"{graph['name']}-provision-location"
        (server,) = [one for one in spec["containers"] if one["name"] == graph["name"]]
        server.setdefault("volumeMounts", []).append({"name": models, "mountPath": "/mnt/models", "readOnly": True})
        spec.setdefault("volumes", []).append({"name": models, "emptyDir": {}})
        spec["securityContext"] = {"runAsUser": 8888}
        spec["initContainers"] = [
            {
                "name": f"{graph['name']}-model-initializer",
                "image": COPIER,
                "imagePullPolicy": "Never",
                "command": ["python3", "-c", COPY, graph["modelUri"], "/mnt/models"],
                "envFrom": [{"secretRef": {"name": graph["envSecretRefName"]}}],
                "resources": {"requests": {"cpu": "100m", "memory": "100Mi"}, "limits": {"cpu": "1", "memory": "1Gi"}},
                "volumeMounts": [{"name": models, "mountPath": "/mnt/models"}],
            }
        ]
        owner = {"apiVersion": found["apiVersion"], "kind": found["kind"], "name": about["name"], "uid": about["uid"]}
        metadata = {"labels": {**described["metadata"]["labels"], **labels}}
        body = {
            "metadata": {"name": deployment, "ownerReferences": [{**owner, "controller": True}], **metadata},
            "spec": {
                "replicas": predictor["replicas"],
                "selector": {"matchLabels": labels},
                "template": {"metadata": {**described["metadata"], **metadata}, "spec": spec},
            },
        }
        self.apps.create_namespaced_deployment(namespace, body)
        ports = [{"name": one["name"], "port": one["containerPort"]} for one in server["ports"]]
        service = {
            "metadata": {"name": called, "ownerReferences": [owner]},
            "spec": {"selector": {"seldon-app": called}, "ports": ports},
        }
        made = self.core.create_namespaced_service(namespace, service)
        self.services[namespace, about["name"]] = f"{made.spec.cluster_ip}:9000"

    def route(self, path: str) -> tuple[str, str]:
        """Return (`host:port`, the path there) of a request to the ingress, ("", "") where it has no route."""
        match = re.fullmatch(r"/seldon/([^/]+)/([^/]+)(/.*)", path)
        where = self.services.get((match[1], match[2]), "") if match else ""
        return (where, match[3]) if match and where else ("", "")


def ingress_of(stand_in: StandIn) -> type[BaseHTTPRequestHandler]:
    """Return what cuts Seldon's prefix off each path, as a VirtualService of Istio's or a Mapping of Ambassador's."""

    class Ingress(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            stand_in.paths.append(self.path)
            where, path = stand_in.route(self.path)
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            if not where:
                self.answer(404, {"Server": "istio-envoy"}, b"")
                return
            kept = {
                name: value for name, value in self.headers.items() if name.lower() not in ("host", "accept-encoding")
            }
            with requests.Session() as session:
                session.trust_env = False
                found = session.request(self.command, f"http://{where}{path}", headers=kept, data=body, timeout=60)
            dropped = ("content-length", "content-encoding", "transfer-encoding", "connection")
            named = {name: value for name, value in found.headers.items() if name.lower() not in dropped}
            self.answer(found.status_code, named, found.content)

        def answer(self, code: int, headers: dict[str, str], body: bytes) -> None:
            self.send_response(code)
            for name, value in {**headers, "Content-Length": str(len(body))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        do_POST = do_GET  # noqa: N815

    return Ingress


@contextlib.contextmanager
def standing_in(namespace: LabNamespace) -> Iterator[tuple[StandIn, str]]:
    """Have the stand-in make predictors; yield it with the URL of its ingress.

    What a run takes for its controller's pod does nothing.
    """
    labels = {"control-plane": "seldon-controller-manager"}
    container = {"name": "manager", "image": IMAGE, "imagePullPolicy": "Never", "command": ["sleep", "3600"]}
    pod = {"metadata": {"labels": labels}, "spec": {"containers": [container], "terminationGracePeriodSeconds": 1}}
    spec = {"selector": {"matchLabels": labels}, "template": pod}
    apps: Any = client.AppsV1Api(namespace.api)
    manager = {"metadata": {"name": "seldon-controller-manager", "labels": labels}, "spec": spec}
    apps.create_namespaced_deployment(namespace.name, manager)

    def state() -> Ready[None] | str:
        found = apps.read_namespaced_deployment("seldon-controller-manager", namespace.name)
        return Ready(None) if found.status.available_replicas else "no pod is available"

    wait_until("the stand-in's pod", state, 60)
    stand_in = StandIn(namespace.api)
    thread = threading.Thread(target=stand_in.run, daemon=True)
    thread.start()
    try:
        with answering(ingress_of(stand_in)) as address:
            yield stand_in, f"http://{address}"
    finally:
        stand_in.ended.set()
        thread.join()
    assert stand_in.trouble == []
