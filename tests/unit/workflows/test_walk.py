"""The way from a codeset to an application, on workflows that are made up: what goes wrong is named, with its cause."""

from pathlib import Path
from typing import Any

import pytest

from acceptance.errors import AcceptanceError, Unrecoverable
from acceptance.redaction.redactor import Redactor
from acceptance.workflows.fuseml.engine import FuseML
from acceptance.workflows.git import Git
from acceptance.workflows.model import Application, Codeset, Workflow
from acceptance.workflows.walk import Failure, Walk, some, unnamed
from tests.made_up_workflows import CODESET, URL, MadeUp


@pytest.fixture
def walk_on(tmp_path):
    def walk(made_up, **seconds):
        given = {"poll": 0.01, "least_quiet": 0.05, "new_run_seconds": 0.2, **seconds}
        return Walk(made_up, Workflow("w", ""), Codeset("own", "images"), tmp_path, lambda text: None, 5, **given)

    return walk


def test_a_run_is_awaited_through_its_states_and_the_one_of_a_push_is_another(walk_on):
    walk = walk_on(MadeUp(["Unknown", "Started", "Pending", "Running", "Completed"]))
    walk.register()
    first = walk.wait_for_end(walk.assign())
    assert (first.name, first.state) == ("run-1", "Completed")
    for number in (2, 3, 4):
        assert walk.wait_for_end(walk.push()).name == f"run-{number}"


@pytest.mark.parametrize("state", ["Failed", "Failed (Timeout)", "Cancelled"])
def test_a_run_that_failed_is_named_with_its_step(walk_on, state):
    walk = walk_on(MadeUp([state]))
    walk.register()
    with pytest.raises(AcceptanceError) as failed:
        walk.wait_for_end(walk.assign())
    assert str(failed.value).splitlines() == [
        f"run run-1 of workflow w ended as {state}",
        "    task trainer, step trainer ended with exit code 3: no GPU",
    ]


def test_a_wrong_step_is_named_and_its_workflow_goes(walk_on):
    made_up = MadeUp(["Running", "Failed (Timeout)"])
    walk = walk_on(made_up)
    walk.register()
    failure = walk.fail(Workflow("wrong", ""))
    assert str(failure.run) == "run run-1 of workflow wrong"
    assert failure.why == "task trainer, step trainer ended with exit code 3: no GPU"
    assert unnamed(failure) is None
    assert "workflow wrong" not in made_up.there
    assert made_up.unassigned
    unknown = unnamed(Failure(failure.run, ""))
    assert unknown
    assert "run run-1 of workflow wrong ended as Failed (Timeout), and which step" in unknown.what
    assert "nothing is said" in unknown.what


def test_a_wrong_step_that_goes_well_is_no_failure(walk_on):
    walk = walk_on(MadeUp())
    walk.register()
    with pytest.raises(AcceptanceError, match="ended as Succeeded, and its step can't go well"):
        walk.fail(Workflow("wrong", ""))
    assert "workflow wrong" not in walk.made


def test_a_run_that_is_gone_is_not_waited_for(walk_on):
    made_up = MadeUp()
    walk = walk_on(made_up)
    walk.register()
    run = walk.assign()
    made_up.listed = False
    with pytest.raises(Unrecoverable, match="run run-1 of workflow w is gone; was its workflow deleted"):
        walk.wait_for_end(run)


def test_what_is_assigned_or_runs_after_it_was_unassigned_is_named(walk_on):
    made_up = MadeUp()
    walk = walk_on(made_up)
    walk.register()
    walk.assign()
    made_up.stays_assigned = True
    assert walk.unassign() == ["its assignment to own/images", "run run-2 of workflow w"]
    made_up.stays_assigned = False
    assert walk.unassign() == []


def test_what_is_left_after_the_cleanup_and_what_else_is_gone_are_named(walk_on):
    made_up = MadeUp()
    walk = walk_on(made_up)
    walk.register()
    walk.assign()
    walk.wait_for_application()
    made_up.deletes = False
    made_up.there.discard("workflow theirs")
    left = walk.remove()
    assert left == ["workflow w is left", "workflow theirs is gone, which is not the run's"]
    assert "workflow w is left; workflow theirs is gone" in str(some(left))
    assert some([]) is None
    assert made_up.there == {"codeset theirs/x", "workflow w"}


def test_what_a_walk_made_goes_with_it_and_what_could_not_be_deleted_is_named(walk_on):
    made_up = MadeUp()
    walk = walk_on(made_up)
    walk.register()
    walk.assign()

    def refused():
        raise AcceptanceError("no")

    walk.made["workflow w"] = refused
    assert [problem.what for problem in walk.close()] == ["workflow w is left: no"]
    assert "codeset own/images" not in made_up.there
    assert walk.close() == []


class Port:
    """As much of FuseML as it takes to delete a codeset."""

    def __init__(self, *left):
        self.left, self.deleted = [Codeset(*one.split("/")) for one in left], []

    def codesets(self):
        return self.left

    def delete_codeset(self, codeset):
        self.deleted.append(f"codeset {codeset}")

    def delete_project(self, name):
        self.deleted.append(f"project {name}")


@pytest.mark.parametrize(
    ("left", "deleted"), [((), ["project own"]), (("own/other",), []), (("x/y",), ["project own"])]
)
def test_a_project_goes_with_its_last_codeset(left, deleted):
    port: Any = Port(*left)
    FuseML(port, Git(Path(), Redactor())).delete_codeset(CODESET)
    assert port.deleted == ["codeset own/images", *deleted]


@pytest.mark.parametrize(
    ("url", "address"),
    [
        ("http://app.ns.192.0.2.1.nip.io/v2/models/app/infer", "app.ns.192.0.2.1.nip.io"),
        ("http://app.seldon.org/seldon/ns/app/v2/models/app/infer", "app.seldon.org/seldon/ns/app"),
    ],
)
def test_an_applications_address_has_the_path_that_precedes_all_others(url, address):
    application = Application("app", "w", url)
    assert (application.address, application.model) == (address, "app")


@pytest.mark.parametrize("url", ["https://app/v2/models/app/infer", "http://app/v1/models/app:predict", "http://app"])
def test_an_application_that_speaks_another_protocol_is_named(url):
    with pytest.raises(AcceptanceError, match="no URL for predictions of the Open Inference Protocol"):
        _ = Application("app", "w", url).address


def test_the_tracked_run_is_read_from_the_words_of_the_predictor_step():
    words = f"serves s3://bucket/1/{'0a' * 16}/artifacts/model/triton"
    application = Application("app", "w", URL, words)
    assert (application.tracked_run, application.model_folder) == ("0a" * 16, "model/triton/app/1")
    with pytest.raises(AcceptanceError, match="names no tracked run's artifacts, only 'a service'"):
        _ = Application("app", "w", URL, "a service").tracked_run
