"""The models web app: where it is found in a made-up cluster, what keeps it from being asked, and what it answers."""

import json
from http.server import BaseHTTPRequestHandler

import pytest

from acceptance.errors import AcceptanceError, Problem
from acceptance.kserve.web_app import (
    Shown,
    WebApp,
    ask_web_app,
    find_web_app,
    look_at_web_app,
    not_shown_ready,
    running_pod,
    user_of,
)
from tests.http_server import answering, saying
from tests.unit.kubernetes.api_server import Answer, ApiServer, cluster_of, running, running_api_server
from tests.unit.problems import assert_problem

FORBIDDEN = (403, {"message": "no"})
NONE: Answer = (200, {"items": []})
SERVICES = "/api/v1/services"
WEBHOOK = "/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations/inferenceservice.serving.kserve.io"
PODS = "/api/v1/namespaces/kubeflow/pods"
APP = WebApp("kubectl", "kubeflow", "kserve-models-web-app", 80, "http", "app=it")
JSON = "application/json"


def services_of(namespace):
    return f"/api/v1/namespaces/{namespace}/services"


def service(name="kserve-models-web-app", namespace="kserve", **labels):
    ports = [{"port": 80, "targetPort": 5000}]
    about = {"name": name, "namespace": namespace, "labels": labels}
    return {"metadata": about, "spec": {"ports": ports, "selector": {"app": "it", "tier": "web"}}}


def listing(*items):
    return 200, {"items": list(items)}


def found_in(tmp_path, answers):
    with running_api_server() as server:
        server.answers = {services_of("kserve"): NONE, services_of("kubeflow"): NONE, SERVICES: NONE, **answers}
        return find_web_app(cluster_of(tmp_path, server.address))


OTHER = service("kserve-webhook-server-service")
COMPONENT = {"app.kubernetes.io/component": "kserve-models-web-application"}


@pytest.mark.parametrize(
    ("answers", "where"),
    [
        ({services_of("kserve"): listing(OTHER, service())}, "kserve/kserve-models-web-app"),
        (
            {services_of("kubeflow"): listing(service("kserve-models-web-application", "kubeflow"))},
            "kubeflow/kserve-models-web-application",
        ),
        # an account that may look into one namespace alone
        (
            {
                services_of("kserve"): FORBIDDEN,
                services_of("kubeflow"): listing(service(namespace="kubeflow")),
                SERVICES: FORBIDDEN,
            },
            "kubeflow/kserve-models-web-app",
        ),
        ({services_of("kserve"): listing(service("models", **COMPONENT))}, "kserve/models"),
        ({SERVICES: listing(service("models", "prod", **COMPONENT))}, "prod/models"),
        # beside KServe's controller, wherever that is
        (
            {
                WEBHOOK: (
                    200,
                    {
                        "webhooks": [
                            {
                                "name": "h",
                                "clientConfig": {"service": {"name": "w", "namespace": "platform"}},
                                "sideEffects": "None",
                                "admissionReviewVersions": ["v1"],
                            }
                        ]
                    },
                ),
                services_of("platform"): listing(service(namespace="platform")),
            },
            "platform/kserve-models-web-app",
        ),
    ],
)
def test_it_is_found_by_its_name_or_its_label(tmp_path, answers, where):
    found = found_in(tmp_path, answers)
    assert isinstance(found, WebApp)
    assert str(found) == f"the models web app {where}"
    assert (found.port, found.target, found.selector) == (80, 5000, "app=it,tier=web")
    namespace, _, name = where.partition("/")
    assert f"-n {namespace} port-forward service/{name} 8090:80" in found.way_in("run", "triton")
    assert found.way_in("run", "triton").endswith("http://localhost:8090/details/run/triton")


@pytest.mark.parametrize(
    ("answers", "words"),
    [
        ({services_of("kserve"): listing(OTHER)}, ["the cluster has no models web app", "kserve-models-web-app"]),
        ({SERVICES: FORBIDDEN}, ["kserve, kubeflow, where this account may look, has no models web app"]),
        (
            {services_of("kserve"): FORBIDDEN, services_of("kubeflow"): FORBIDDEN, SERVICES: FORBIDDEN},
            ["no models web app found", "may not list the Services of namespace kserve, kubeflow"],
        ),
        (
            {services_of("kubeflow"): FORBIDDEN, SERVICES: FORBIDDEN},
            ["no models web app found", "may not list the Services of namespace kubeflow"],
        ),
    ],
)
def test_none_and_one_that_the_account_may_not_look_for_are_told_apart(tmp_path, answers, words):
    found = found_in(tmp_path, answers)
    assert isinstance(found, Problem)
    assert_problem(found, *words)


# --- its pods


def pod(ready="True", name="web-1", port="http"):
    container = {"name": "app", "ports": [{"name": port, "containerPort": 5000}]}
    status = {"conditions": [{"type": "Ready", "status": ready}]}
    return {"metadata": {"name": name}, "spec": {"containers": [container]}, "status": status}


class Account(ApiServer):
    """Knows the account as `user`, or refuses to say; lets it do all, but what is `forbidden`."""

    def __init__(self, pods=NONE, user="ci", forbidden=""):
        super().__init__()
        self.answers[PODS], self.user, self.forbidden = pods, user, forbidden

    def may(self, verb, resource, namespace):
        return resource != self.forbidden

    def refuse(self, path, body):
        return None if self.user else FORBIDDEN

    def post(self, path, body):
        return {**body, "status": {"userInfo": {"username": self.user}}}


def with_account(tmp_path, account, look):
    with running(account):
        return look(cluster_of(tmp_path, account.address))


@pytest.mark.parametrize("target", ["http", 5000])
def test_a_pod_that_is_ready_is_asked_at_the_port_that_the_service_leads_to(tmp_path, target):
    app = WebApp("kubectl", "kubeflow", "it", 80, target, "app=it")
    account = Account(listing(pod("False", "web-0"), pod()))
    assert with_account(tmp_path, account, lambda cluster: running_pod(cluster, app)) == ("web-1", 5000)


@pytest.mark.parametrize(
    ("account", "words"),
    [
        (Account(listing(pod()), forbidden="pods/portforward"), ["pods/portforward in namespace kubeflow", "granted"]),
        (Account(FORBIDDEN), ["kubeflow/kserve-models-web-app can't be asked", "may not list the pods"]),
    ],
)
def test_a_right_that_is_lacking_is_named_before_anything_is_asked(tmp_path, account, words):
    found = with_account(tmp_path, account, lambda cluster: look_at_web_app(cluster, APP, "run", "triton"))
    assert isinstance(found, Problem)
    assert_problem(found, *words)


@pytest.mark.parametrize(
    ("pods", "selector", "words"),
    [
        (NONE, "app=it", "no pod that is ready: look at .* -l app=it"),
        (listing(pod("False")), "app=it", "no pod that is ready"),
        # else it would be any pod of the namespace
        (listing(pod()), "", "no pod that is ready"),
        (listing(pod(port="other")), "app=it", "leads to port http, which its pod has not"),
    ],
)
def test_an_app_that_does_not_run_is_an_error(tmp_path, pods, selector, words):
    app = WebApp("kubectl", "kubeflow", "it", 80, "http", selector)
    with pytest.raises(AcceptanceError, match=words):
        with_account(tmp_path, Account(pods), lambda cluster: look_at_web_app(cluster, app, "run", "triton"))


@pytest.mark.parametrize("user", ["ci", ""])
def test_it_is_asked_as_whom_the_api_server_knows_the_account(tmp_path, user):
    assert with_account(tmp_path, Account(user=user), user_of) == user


# --- its answers


def answer(*services, **more):
    return json.dumps({"inferenceServices": services, "success": True, **more}).encode()


def inference_service(*conditions, name="triton"):
    return {"metadata": {"name": name}, "status": {"conditions": conditions}}


def shown(body, code=200, kind=JSON, user="ci"):
    with answering(saying(body, code, kind)) as address:
        return ask_web_app(APP, address, user, "run", "triton")


READY = {"type": "Ready", "status": "True"}
WAITS = {"type": "PredictorReady", "status": "False", "reason": "NoReplica", "message": "it waits"}


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (answer(inference_service(WAITS, name="other"), inference_service(READY)), []),
        (answer(inference_service(WAITS)), ["as ready: PredictorReady: NoReplica it waits"]),
        (answer({"metadata": {"name": "triton"}}), ["InferenceService triton as ready", "has not said anything"]),
        (answer(inference_service(READY, name="other")), ["not among the 1", "namespace run"]),
        (answer(), ["not among the 0"]),
    ],
)
def test_what_it_shows_is_what_the_condition_ready_says(body, words):
    found = shown(body)
    assert isinstance(found, Shown)
    assert_problem(not_shown_ready(found), *words)
    assert found.way_in == APP.way_in("run", "triton")


@pytest.mark.parametrize(
    ("body", "code", "kind", "words"),
    [
        (b'{"log": "No user detected."}', 401, JSON, "No user detected."),
        (b'{"log": "User ci is not authorized to list"}', 403, JSON, "not authorized to list"),
        (b"", 302, "text/plain", "HTTP 302"),
        (b"<html>Sign in</html>", 200, "text/html", "Sign in"),
    ],
)
def test_an_app_that_refuses_the_account_is_named_with_its_words_and_the_way_in(body, code, kind, words):
    for user, named in (("ci", "refuses user ci"), ("", "refuses a request without a user")):
        found = shown(body, code, kind, user)
        assert isinstance(found, Problem)
        assert_problem(found, named, words, "docs/kserve.md#the-models-web-app")
        assert ("granted list on inferenceservices" in found.fix) == (code == 403 and user == "ci")


@pytest.mark.parametrize(
    ("body", "code", "kind"),
    [
        (b'{"log": "An error occured in the backend."}', 500, JSON),
        (b"<html>Bad gateway</html>", 502, "text/html"),
        (b"[]", 200, JSON),
        (b'{"success": true}', 200, JSON),
        (b'{"inferenceServices": [{}]}', 200, JSON),
        (b"it is up", 200, "text/plain"),
    ],
)
def test_an_app_that_answers_something_else_is_an_error_with_its_first_words(body, code, kind):
    with pytest.raises(AcceptanceError, match=f"no list of InferenceServices: HTTP {code}.*logs service/kserve-models"):
        shown(body, code, kind)


def test_an_app_that_does_not_answer_is_an_error():
    with pytest.raises(AcceptanceError, match="kserve-models-web-app does not answer"):
        ask_web_app(APP, "127.0.0.1:9", "ci", "run", "triton")


def test_it_is_asked_for_the_namespaces_services_in_the_name_of_the_user():
    asked = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            asked.append((self.path, self.headers.get("kubeflow-userid")))
            self.send_response(200)
            self.end_headers()
            self.wfile.write(answer(inference_service(READY)))

    for user in ("system:serviceaccount:ci:ci", ""):
        with answering(Handler) as address:
            ask_web_app(APP, address, user, "run", "triton")
    path = "/api/namespaces/run/inferenceservices"
    assert asked == [(path, "system:serviceaccount:ci:ci"), (path, None)]
