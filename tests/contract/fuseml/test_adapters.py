"""What FuseML's API and its command line have of their own: each test fails where an adapter forgets it."""

import json
import stat
from pathlib import Path
from typing import Any

import pytest

from acceptance.errors import AcceptanceError
from acceptance.login import Login
from acceptance.redaction.redactor import Redactor
from acceptance.workflows.fuseml import cleanup, reading
from acceptance.workflows.fuseml.cli import error_words
from acceptance.workflows.fuseml.port import ASSIGN_SECONDS
from acceptance.workflows.fuseml.rest import RestPort
from acceptance.workflows.git import Git
from acceptance.workflows.model import Codeset, Workflow
from tests import http_server
from tests.contract.fuseml.conftest import CODESET
from tests.contract.fuseml.recordings import recording

ADMIN = {"name": "x", "project": "admin"}
REGISTER = {"rest": "codeset-register-new-project", "cli": "codeset-register"}
BACK = ["codeset-delete", "codesets-none-json", "project-delete"]
of_real = pytest.mark.parametrize("own", ["real"], indirect=True)


def rest(address, port=RestPort):
    return port(f"http://{address}", Git(Path(), Redactor()), Redactor())


# --- both


def test_a_run_is_the_codesets_and_the_workflows(recorded, client):
    asked = recorded(client, ["runs-succeeded-json"])
    address = asked.replay.put("http://127.0.0.1:3000/demo/cifar10.git")
    (run,) = asked.fuseml.runs("mlflow-e2e", Codeset("demo", "cifar10", address))
    assert (run.word, run.is_over, run.went_well) == ("Succeeded", True, True)
    assert int(run.took.removesuffix(" s")) > 0
    assert run.outputs["prediction-url"].endswith("/infer")
    assert asked.fuseml.runs("mlflow-e2e-gpu", Codeset("demo", "cifar10", address)) == []


def test_a_run_without_a_status_has_no_times_and_goes_on(recorded, client):
    asked = recorded(client, ["runs-just-created-json"])
    (run,) = asked.fuseml.port.runs(CODESET)
    assert (run.state, run.started, run.ended, run.is_over) == ("Unknown", None, None, False)
    assert run.took == "its times are not known"


@of_real
def test_states_with_a_reason_are_told_apart_and_codesets_of_one_workflow_too(recorded):
    asked = recorded("rest", ["runs-several-json"])
    base = asked.replay.put("http://127.0.0.1:3000")
    found = {(run.workflow, run.codesets[0].rpartition("/")[2]): run for run in asked.fuseml.port.runs(CODESET)}
    assert {one.state for one in found.values()} == {
        *("Succeeded", "Failed", "Failed (CouldntGetTask)", "Failed (Timeout)", "Cancelled")
    }
    assert all(one.is_over for one in found.values())
    assert [one.workflow for one in found.values() if one.went_well] == ["mlflow-e2e"]
    (run,) = asked.fuseml.runs("mlflow-e2e", Codeset("demo", "second", f"{base}/demo/second.git"))
    assert run.state == "Failed (CouldntGetTask)"
    assert asked.fuseml.runs("mlflow-e2e", Codeset("demo", "nope", f"{base}/demo/nope.git")) == []


@pytest.mark.parametrize("state", ["Running", "Pending", "Started", "Unknown"])
def test_a_run_that_goes_on_is_not_over(state):
    tree = {"name": "r", "workflowref": "w", "starttime": "2026-11-27T08:00:00Z", "status": state}
    assert not reading.run({**tree, "completiontime": "0001-01-01T00:00:00Z"}).is_over


def test_an_error_has_fusemls_own_message(recorded, client):
    duplicate = {"rest": "workflow-create-duplicate-json", "cli": "workflow-create-duplicate"}
    asked = recorded(client, [duplicate[client], "assign-listener-never-ready"])
    kept = recording(*({"rest": ("http", duplicate["rest"]), "cli": ("cli", "workflow-create")}[client]), True)
    text = kept.get("request", {}).get("body") or recording("http", "workflow-create", True)["request"]["body"]
    with pytest.raises(AcceptanceError, match="workflow already exists"):
        asked.fuseml.create(Workflow("mlflow-e2e", text))
    with pytest.raises(AcceptanceError, match=r"time out waiting for listener to become ready$"):
        asked.fuseml.assign("mlflow-e2e", CODESET)
    asked.check_over()


def test_a_project_that_a_failed_push_left_empty_is_removed(recorded, client, folder):
    refused = {"rest": REGISTER["rest"], "cli": "codeset-register-wrong-password"}
    asked = recorded(client, ["codesets-none-json", refused[client], *BACK])
    asked.replay.password = "another one"  # noqa: S105 - of a test
    with pytest.raises(AcceptanceError, match=r"its server refuses the login|authentication required"):
        asked.fuseml.register(CODESET, folder)
    asked.check_over()


def test_a_codeset_that_was_there_before_outlives_a_failed_push(recorded, folder):
    asked = recorded("rest", ["codesets-json", "codeset-register-again"])
    with pytest.raises(AcceptanceError, match="git clone ended with exit code 128"):
        asked.fuseml.register(CODESET, folder)
    asked.check_over()


def test_nothing_is_asked_for_a_folder_that_is_missing(recorded, client, tmp_path):
    asked = recorded(client, [])
    with pytest.raises(AcceptanceError, match="nowhere: is no folder, and codeset demo/cifar10 would be empty"):
        asked.fuseml.register(CODESET, tmp_path / "nowhere")
    assert asked.replay.asked == asked.program.calls == []


def test_a_codeset_that_is_still_there_after_it_was_deleted_is_named(recorded, client):
    asked = recorded(client, ["codeset-delete", "codesets-json"])
    with pytest.raises(AcceptanceError, match="still has codeset demo/cifar10, which it said to have deleted"):
        asked.fuseml.delete_codeset(CODESET)


def test_a_projects_password_is_redacted_from_its_first_codeset_on(recorded, client, folder):
    again = [] if client == "rest" else ["codeset-json"]
    asked = recorded(client, ["codesets-none-json", REGISTER[client], *again])
    asked.fuseml.register(CODESET, folder)
    assert "PASSWORD" not in asked.redactor.text("it is PASSWORD, in a log")
    asked.check_over()


# --- extensions and their keys


def test_of_extensions_nothing_but_the_resources_is_taken(recorded, client):
    name = {"rest": "extensions-empty-query", "cli": "extensions-json"}[client]
    assert recorded(client, [name]).fuseml.offered() >= {"s3", "kserve-api", "mlflow-tracking"}


@pytest.mark.parametrize(
    "body", [recording("http", "extensions-empty-query", True)["answer"]["body"].replace('"resource"', '"other"')]
)
def test_the_error_of_an_unreadable_answer_about_extensions_has_no_key_in_it(body):
    assert "own-secret-access-key-placeholder" in body
    chunked: Any = {"Transfer-Encoding": "chunked"}  # and no chunks
    for sent, headers in ((body, {}), (body.replace("}", "", 1), {}), (body, chunked)):
        handler = http_server.saying(sent.encode(), kind="application/json+json", **headers)
        with http_server.answering(handler) as address, pytest.raises(AcceptanceError) as error:
            rest(address).resources()
        assert "PLACEHOLDER" not in str(error.value).upper()


# --- the API


@pytest.mark.parametrize(
    ("code", "kind", "body", "words"),
    [
        (200, "application/x-yaml", b"version: v0.3.0\n", "no JSON but application/x-yaml; name FuseML's own address"),
        (405, "", b"", "HTTP 405"),
        (301, "text/html", b"", "HTTP 301"),
        (404, "application/json", b'{"errors": null, "message": "none", "url": "x"}', "which is no answer of FuseML's"),
        (200, "application/json", b"[]", "no answer of FuseML 0.3's"),
    ],
)
def test_what_is_none_of_fusemls_answers_is_named(code, kind, body, words):
    handler = http_server.saying(body, code, kind)
    with http_server.answering(handler) as address, pytest.raises(AcceptanceError, match=words):
        rest(address).version()


def test_a_server_that_is_down_is_named():
    with pytest.raises(AcceptanceError, match=r"FuseML at http://127.0.0.1:9, GET /version: no answer: .*refused"):
        rest("127.0.0.1:9").version()


@of_real
@pytest.mark.parametrize(
    ("name", "call", "words"),
    [
        (
            "assign-missing-codeset-json",
            lambda port: port.assign("mlflow-e2e", CODESET),
            "Failed to read repository: 404",
        ),
        ("assign-missing-workflow-json", lambda port: port.assign("nope", CODESET), "could not find a workflow"),
        ("gitea-down-codesets", lambda port: port.codesets(), "HTTP 500, fault: .*Failed to list orgs"),
        ("kubernetes-down-runs", lambda port: port.runs(CODESET), "HTTP 500, fault: error getting tekton pipeline run"),
        ("application-delete-unknown-kind", lambda port: port.delete_application("x"), "no matches for"),
        ("application-delete-missing-json", lambda port: port.delete_application("x"), "HTTP 400, NotFound"),
        ("unassign-again", lambda port: port.unassign("mlflow-e2e", CODESET), "workflow not assigned to codeset"),
        ("codeset-register-reserved-project", lambda port: port.ask("POST", "/codesets", ADMIN), "422 Unprocessable"),
    ],
)
def test_each_refusal_of_the_api_is_said_in_its_own_words(recorded, name, call, words):
    asked = recorded("rest", [name])
    with pytest.raises(AcceptanceError, match=words):
        call(asked.fuseml.port)
    asked.check_over()


class Noting(RestPort):
    """Keeps how long each answer may take."""

    def ask(self, *arguments, seconds=0, **options):
        self.seconds = seconds


def test_an_assignment_is_given_longer_than_the_minute_that_the_server_waits():
    port = rest("127.0.0.1:9", Noting)
    port.assign("mlflow-e2e", CODESET)
    assert port.seconds == ASSIGN_SECONDS > 60


# --- the command line


def test_each_call_has_a_home_and_temporary_files_of_the_runs_own(recorded, folder, monkeypatch, tmp_path):
    users = tmp_path / "users-home"
    for name, value in (("HOME", str(users)), ("FUSEML_PROJECT_PASSWORD", "wrong"), ("FUSEML_HTTP_TIMEOUT", "1")):
        monkeypatch.setenv(name, value)
    asked = recorded("cli", ["codesets-none-json", "codeset-register", "codeset-json", "assign"])
    with asked.fuseml:
        asked.fuseml.register(CODESET, folder)
        asked.fuseml.assign("mlflow-e2e", CODESET)
        assert (asked.directory / "home/.config/fuseml/config.yaml").exists()
        assert list((asked.directory / "tmp").iterdir()) == []  # the clones have the password in them
        assert stat.S_IMODE(asked.directory.stat().st_mode) == 0o700
    for call in asked.program.calls:
        assert call["environment"]["HOME"] == str(asked.directory / "home")
        assert call["environment"]["TMPDIR"] == str(asked.directory / "tmp")
        assert not [name for name in call["environment"] if name.startswith("FUSEML_")]
    *_, (_, url, _, seconds, *words) = (call["argv"] for call in asked.program.calls)
    assert (url, int(seconds) > 60, words[:2]) == (f"http://{asked.replay.address}", True, ["workflow", "assign"])
    assert not asked.directory.exists()
    assert not users.exists()


def test_the_configurations_current_codeset_does_not_count(recorded):
    asked = recorded("cli", ["runs-succeeded-json"])
    file = asked.directory / "home/.config/fuseml/config.yaml"
    file.parent.mkdir(parents=True)
    file.write_text("currentcodeset: second\ncurrentproject: another\n")
    (run,) = asked.fuseml.port.runs(CODESET)
    assert "demo-cifar10" in run.name


def test_a_heading_before_the_json_is_passed_over(recorded):
    asked = recorded("cli", ["codesets-json"])
    assert "demo/cifar10" in map(str, asked.fuseml.port.codesets())


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ("2026/11/25 14:55:26 Pushing the code...\nerror: stat x: no such file\n", "stat x: no such file"),
        ("error: invalid format for body, \nerror: [2:1] unknown field\n", "invalid format for body, error: [2:1] un"),
        ("Error: unknown flag: --x\nUsage:\n  fuseml codeset\n", "unknown flag: --x"),
        (
            'error: [workflow create]: invalid response code 500, body: name: fault\nid: x\nmessage: "no: way"\n',
            "[workflow create]: invalid response code 500: no: way",
        ),
        ("error: invalid response code 404, body: {nonsense\n", "invalid response code 404, body: {nonsense"),
        ("", "it says nothing"),
    ],
)
def test_the_command_lines_errors_are_read(said, words):
    assert error_words(said).startswith(words)


def test_a_command_line_that_is_missing_is_named(recorded):
    asked = recorded("cli", [])
    asked.program.path.unlink()
    with pytest.raises(AcceptanceError, match="is not on the PATH; name FuseML's command line with --fuseml-cli"):
        asked.fuseml.version()


# --- git


def test_git_gets_the_password_by_no_argument_and_says_none(recorded, folder, tmp_path):
    asked = recorded("rest", [])
    address = asked.replay.put("http://127.0.0.1:3000/demo/cifar10.git")
    git = asked.fuseml.git
    git.push(folder, address, Login("fuseml-demo", "PASSWORD"))
    assert set(git.files(address, Login("fuseml-demo", "PASSWORD"))) == {"MLproject", "sub/train.py"}
    with pytest.raises(AcceptanceError) as refused:
        git.files(address, Login("fuseml-demo", "wrong-password"))
    assert "wrong-password" not in str(refused.value)
    assert "wrong-password" not in repr(Login("fuseml-demo", "wrong-password"))
    assert json.dumps(git.files(address, Login("x", "PASSWORD")))


# --- the guardian


@pytest.mark.parametrize("own", ["own"], indirect=True)
def test_what_a_killed_run_left_is_deleted_by_names_alone(recorded):
    back = ["workflows-json", "workflow-delete-assigned", "codesets-json", *BACK]
    asked = recorded("rest", ["applications-json", "application-delete", *back])
    assert cleanup.main(f"http://{asked.replay.address}", "demo", "mlflow-e2e") == 0
    asked.check_over()


def test_what_could_not_be_deleted_is_the_guardians_error(capsys):
    assert cleanup.main("http://127.0.0.1:9", "demo", "mlflow-e2e") == 1
    assert "FuseML at http://127.0.0.1:9, GET /applications: no answer" in capsys.readouterr().err
