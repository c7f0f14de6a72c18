"""The check of a tracking server, as it runs where the trainer will, on a real MLflow 2 with basic authentication.

What stands before it is made up: a gateway's answers.
"""

import base64
import contextlib
import datetime
import json
import re
from typing import Any

import pytest

from acceptance.errors import AcceptanceError, problem_of
from acceptance.training import server_verdict
from acceptance.training.server import CLIENT, TAG, UsersServer
from tests.certificates import certificate
from tests.tracking_servers import Said, account, front, python_of_mlflow2, running_server
from tests.unit.problems import assert_problem

PAGE = b"<html><title>Sign in</title></html>"
JSON = "application/json"
# the front answers everything itself
NOBODY: Any = None


@pytest.fixture(scope="module")
def mlflow2(tmp_path_factory):
    with running_server(tmp_path_factory.mktemp("mlflow2"), python=python_of_mlflow2(), locked=True) as server:
        yield server


@contextlib.contextmanager
def checking():
    """Yield what runs the check on an address, by MLflow's variables, and returns the server and the verdict."""
    from acceptance.training import server_check  # MLflow takes seconds

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MLFLOW_HTTP_REQUEST_BACKOFF_FACTOR", "0")

        def run(uri, variables, experiment="checked"):
            server = UsersServer(uri, experiment, variables)
            for name, value in {**server.for_trainer, **server_verdict.variables(server)}.items():
                patch.setenv(name, value)
            return server, server_check.main()

        yield run


@pytest.fixture
def check():
    with checking() as check:
        yield check


@pytest.fixture(scope="module")
def passed(mlflow2, tmp_path_factory):
    """A check with TLS by a private authority beneath a prefix, which passed on a server that names a later version."""

    def of_tomorrow(method, path, headers):
        return Said(200, b"4.0.0", "text/plain") if path.startswith("/version") else None

    folder = tmp_path_factory.mktemp("front")
    with front(mlflow2, folder, of_tomorrow, prefix="/mlflow", tls=True) as uri:
        with checking() as check:  # its variables are no other test's
            variables = {**mlflow2.variables, "MLFLOW_TRACKING_SERVER_CERT_PATH": str(folder / "authority.crt")}
            server, verdict = check(uri, variables)
        assert "step" not in verdict, verdict
        yield server, verdict


@pytest.fixture
def problem(check):
    def find(*arguments, **options):
        server, verdict = check(*arguments, **options)
        found = problem_of(lambda: server_verdict.judge(server, verdict, "in a test"))
        assert found
        return f"{found.what}: {found.fix}"

    return find


def test_a_run_with_a_metric_and_a_model_stays_and_is_tagged(mlflow2, passed, monkeypatch):
    server, verdict = passed
    run = mlflow2.client(monkeypatch).get_run(verdict["run_id"])
    assert (run.info.run_name, run.info.status) == (f"check-{server.run}", "FINISHED")
    assert (run.data.tags[TAG], run.data.metrics) == (server.run, {"check": 1.0})


def test_a_server_without_logged_models_is_used_as_mlflow_2_whatever_version_it_names(passed):
    _, verdict = passed
    assert (verdict["version"], verdict["logged_models"]) == ("4.0.0", False)
    assert verdict["place"].startswith(verdict["artifact_uri"])


def test_what_is_written_elsewhere_and_not_read_here_is_the_cause(passed, monkeypatch):
    server, verdict = passed
    # as pytest's own process has it: else the client tries for minutes
    for name, value in {**server.variables, "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "0"}.items():
        monkeypatch.setenv(name, value)
    server_verdict.judge(server, verdict, "in a pod")
    with pytest.raises(AcceptanceError, match="is read here as something else"):
        server_verdict.judge(server, {**verdict, "sha256": "0"}, "in a pod")
    missing = verdict["place"].replace("model.bin", "other.bin")
    with pytest.raises(AcceptanceError, match="the predictor's can't be read here"):
        server_verdict.judge(server, {**verdict, "place": missing}, "in a pod")


def test_an_authority_that_nobody_named_is_the_cause(mlflow2, problem, tmp_path):
    with front(mlflow2, tmp_path, tls=True) as uri:
        said = problem(uri, mlflow2.variables)
    assert re.search("no TLS connection that can be trusted: .*MLFLOW_TRACKING_SERVER_CERT_PATH", said)


def test_a_client_certificate_that_is_missing_or_a_strangers_is_the_cause(problem, tmp_path):
    own, stranger = (certificate(tmp_path, name) for name in ("own", "stranger"))
    with front(NOBODY, tmp_path, everywhere(Said(200, b"1.30.0", "text/plain")), tls=True, client=own) as uri:
        trusted = {"MLFLOW_TRACKING_SERVER_CERT_PATH": str(tmp_path / "authority.crt")}
        said = problem(uri, trusted)
        assert re.search("as for a client without a certificate: .*key with MLFLOW_TRACKING_CLIENT_CERT_PATH", said)
        said = problem(uri, {**trusted, CLIENT: str(stranger)})
        assert re.search(f"as for a client certificate that it doesn't trust: .* with {CLIENT}, now {stranger}", said)
        assert "has MLflow 1.30.0" in problem(uri, {**trusted, CLIENT: str(own)})  # which comes next


@pytest.mark.parametrize(
    ("variables", "words"),
    [
        (account("admin", "no-password-of-it"), "a wrong user or password: .*MLFLOW_TRACKING_PASSWORD"),
        ({}, "asks who it is: .*set MLFLOW_TRACKING_USERNAME"),
    ],
)
def test_a_wrong_account_is_the_cause(mlflow2, problem, variables, words):
    assert re.search(words, problem(mlflow2.uri, variables))


def test_an_account_that_may_only_read_is_the_cause(mlflow2, problem, monkeypatch):
    mlflow2.client(monkeypatch).create_experiment("of somebody else's")
    said = problem(mlflow2.uri, mlflow2.add_user("reader"), experiment="of somebody else's")
    assert re.search("may read, and not create a run in experiment of somebody else's: HTTP 403.*--mlflow-exp", said)


def test_an_experiment_that_was_deleted_is_the_cause(mlflow2, problem, monkeypatch):
    client = mlflow2.client(monkeypatch)
    number = client.create_experiment("gone")
    client.delete_experiment(number)
    said = problem(mlflow2.uri, mlflow2.variables, experiment="gone")
    assert re.search(f"experiment gone was deleted: .*restore --experiment-id {number}.*--mlflow-experiment", said)


def token(expires):
    claims = base64.urlsafe_b64encode(json.dumps({"exp": expires.timestamp()}).encode()).decode().rstrip("=")
    return {"MLFLOW_TRACKING_TOKEN": f"e30.{claims}.c2lnbmF0dXJl"}


NOW = datetime.datetime.now(datetime.UTC)
EXPIRED, VALID = token(NOW - datetime.timedelta(days=2)), token(NOW + datetime.timedelta(days=2))


def everywhere(said):
    return lambda method, path, headers: said


def artifacts(said, method="PUT"):
    return lambda asked, path, headers: said if asked == method and "/mlflow-artifacts/" in path else None


@pytest.mark.parametrize(
    ("rule", "variables", "words"),
    [
        (everywhere(Said(401, b"no")), EXPIRED, "MLFLOW_TRACKING_TOKEN expired at .* UTC: .*get a new token"),
        (everywhere(Said(401, b"no")), VALID, "MLFLOW_TRACKING_TOKEN is wrong, or has expired"),
        (everywhere(Said(200, PAGE)), VALID, "a page for people, such as a single sign-on's: .*Sign in"),
        (everywhere(Said(403, PAGE)), VALID, "may not even read its experiments: HTTP 403.*Sign in"),
        (everywhere(Said(404, PAGE)), VALID, "there is no MLflow at this address: .*write --mlflow with the path"),
        (everywhere(Said(503, PAGE)), VALID, "can't be asked: HTTP 503"),
        (everywhere(Said(200, b"1.30.0", "text/plain")), VALID, r"has MLflow 1\.30\.0: --mlflow takes 2\.0 and later"),
        (
            artifacts(Said(403, b"no")),
            None,
            "metrics may be written, and artifacts can't be written: HTTP 403.*account",
        ),
        (artifacts(Said(200, PAGE), "GET"), None, "artifacts can't be read back: .*Expecting value"),
    ],
)
def test_what_a_gateway_says_instead_is_the_cause(mlflow2, problem, tmp_path, rule, variables, words):
    with front(mlflow2, tmp_path, rule) as uri:
        assert re.search(words, problem(uri, mlflow2.variables if variables is None else variables))


def test_a_page_that_a_redirect_leads_to_is_the_cause(mlflow2, problem, tmp_path):
    def login(method, path, headers):
        return Said(200, PAGE) if "/login" in path else Said(302, headers={"Location": "/login"})

    with front(mlflow2, tmp_path, login) as uri:
        assert "a page for people" in problem(uri, {})


def test_a_server_that_is_not_there_is_the_cause(problem):
    assert re.search("can't be asked: .*Connection refused.*see that it runs", problem("http://127.0.0.1:9", {}))


def test_artifacts_in_a_store_that_the_trainer_cannot_write_are_named_with_where(mlflow2, problem, monkeypatch):
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")  # nobody is asked for keys
    monkeypatch.setenv("AWS_CONFIG_FILE", "/dev/null")
    place = "s3://no-such-bucket-of-anybody/artifacts"
    mlflow2.client(monkeypatch).create_experiment("elsewhere", artifact_location=place)
    said = problem(mlflow2.uri, mlflow2.variables, experiment="elsewhere")
    assert re.search(f"metrics can be written; artifacts, which it has at {place}.*can't be written", said)
    assert "--artifacts-destination" in said


@pytest.mark.parametrize(
    ("step", "status", "words"),
    [
        ("artifact", 413, ["artifacts can't be written: HTTP 413", "take bodies of 2 MiB"]),
        ("artifact", 0, ["artifacts can't be written: 'said'", "the server's log"]),
        ("read back", 403, ["artifacts can't be read back: HTTP 403", "its account"]),
    ],
)
def test_artifacts_that_cannot_be_written_or_read_are_said_by_their_status(step, status, words):
    server = UsersServer("http://mlflow", "suite", {})
    verdict = {"step": step, "status": status, "words": "said", "artifact_uri": "mlflow-artifacts:/1/2/artifacts"}
    assert_problem(server_verdict.problem_with(server, verdict), "metrics may be written", *words)


@pytest.mark.parametrize(
    ("status", "said", "words"),
    [
        # nginx's, as its users have recorded them
        (400, "400 Bad Request No required SSL certificate was sent nginx/1.25.3", "a client without a certificate"),
        (400, "400 Bad Request The SSL certificate error nginx/1.25.3", "a client without a certificate"),
        (0, "[Errno 104] Connection reset by peer", "a client without a certificate"),
        # of these no certificate is the cause
        (0, "[SSL: TLSV1_ALERT_PROTOCOL_VERSION] tlsv1 alert protocol version", "no TLS connection that can be"),
        (400, "400 Bad Request", "can't be asked: HTTP 400"),
    ],
)
def test_only_what_servers_say_of_a_client_certificate_is_taken_for_it(status, said, words):
    verdict = {"step": "reach", "status": status, "words": said, "classes": "" if status else "SSLError"}
    assert_problem(server_verdict.problem_with(UsersServer("https://mlflow", "suite", {}), verdict), words)


def test_a_workspace_that_is_not_there_is_the_cause():
    server = UsersServer("http://mlflow", "suite", {"MLFLOW_WORKSPACE": "nobody"})
    # as MLflow 3.17 says it
    verdict = {"step": "create experiment", "status": 404, "words": "RESOURCE_DOES_NOT_EXIST: Workspace 'nobody'"}
    assert_problem(server_verdict.problem_with(server, verdict), "no workspace nobody", "there with MLFLOW_WORKSPACE")


def test_a_check_that_came_to_no_verdict_is_shown_with_what_it_said():
    with pytest.raises(AcceptanceError, match=r"(?s)came to no verdict.*ModuleNotFoundError"):
        server_verdict.read_verdict("Traceback\nModuleNotFoundError: No module named 'mlflow'\n")
