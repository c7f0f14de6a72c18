"""A stand-in of the models web app on a real cluster: it is reached past its Service by a port-forward, as whom we are.

It has no label and is in no usual namespace, so no other run on this cluster takes it for the cluster's web app.
"""

import pytest

from acceptance.errors import Problem
from acceptance.kserve.web_app import Shown, WebApp, find_web_app, look_at_web_app, not_shown_ready, user_of
from acceptance.kubernetes.client import connect
from acceptance.waiting import Ready, wait_until
from tests.cluster.lab_namespace import IN_TIME

pytestmark = pytest.mark.cluster

# answers as the real one: nothing without a user, else the InferenceServices, here one that is named after the user
APP = """
import http.server, json

class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        user = self.headers.get("kubeflow-userid")
        here = self.path == "/api/namespaces/run/inferenceservices"
        ready = {"type": "Ready", "status": "True"}
        services = [{"metadata": {"name": user}, "status": {"conditions": [ready]}}]
        body = {"inferenceServices": services, "user": user} if user and here else {"log": "No user detected."}
        self.send_response(200 if user and here else 401)
        self.send_header("Content-Type", "application/json")
        self.end_headers()
        self.wfile.write(json.dumps(body).encode())

http.server.HTTPServer(("", 5000), Handler).serve_forever()
"""
# docs/kserve.md lists them
RIGHTS = [
    {"apiGroups": [""], "resources": ["services"], "verbs": ["list"]},
    {"apiGroups": [""], "resources": ["pods"], "verbs": ["list"]},
    {"apiGroups": [""], "resources": ["pods/portforward"], "verbs": ["get", "create"]},
]


@pytest.fixture
def app(namespace):
    """The stand-in's pod, which is ready."""
    probe = {"tcpSocket": {"port": 5000}, "periodSeconds": 1}
    ports = [{"name": "http", "containerPort": 5000}]
    container = {"command": ["python3", "-c", APP], "ports": ports, "readinessProbe": probe}
    namespace.run(name="web", container=container)
    namespace.core.patch_namespaced_pod("web", namespace.name, {"metadata": {"labels": {"app": "it"}}})

    def state():
        conditions = namespace.core.read_namespaced_pod("web", namespace.name).status.conditions or []
        ready = any(one.type == "Ready" and one.status == "True" for one in conditions)
        return Ready(None) if ready else "not ready"

    wait_until("the stand-in to be ready", state, IN_TIME)
    return WebApp("kubectl", namespace.name, "web", 80, "http", "app=it")


def test_it_is_asked_through_a_port_forward_as_whom_the_api_server_knows_the_account(app, account):
    cluster = connect("", kubeconfig=account(RIGHTS))
    user = user_of(cluster)
    assert user.startswith("system:serviceaccount:account-")
    found = look_at_web_app(cluster, app, "run", user)
    assert isinstance(found, Shown)
    assert not_shown_ready(found) is None


@pytest.mark.parametrize(
    ("without", "words"), [("pods", "may not list the pods"), ("pods/portforward", "may not get or create pods/portf")]
)
def test_a_right_that_the_account_lacks_is_named(app, account, without, words):
    rules = [rule for rule in RIGHTS if rule["resources"] != [without]]
    found = look_at_web_app(connect("", kubeconfig=account(rules)), app, "run", "triton")
    assert isinstance(found, Problem)
    assert words in str(found)


def test_a_cluster_without_one_has_none(lab_kubeconfig):
    found = find_web_app(connect("", kubeconfig=lab_kubeconfig))
    assert isinstance(found, Problem)
    assert "the cluster has no models web app" in str(found)


def test_an_account_that_may_not_look_says_so(account):
    found = find_web_app(connect("", kubeconfig=account([])))
    assert "may not list the Services of namespace kserve, kubeflow" in str(found)
