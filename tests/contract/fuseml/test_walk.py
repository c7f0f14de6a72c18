"""The whole way from a codeset to an application and back, by either adapter: every request is a recorded one."""

import pytest
import yaml

from acceptance.errors import AcceptanceError, Problem, WaitTimeout
from acceptance.workflows.fuseml.definitions import read_workflow, workflow_for
from acceptance.workflows.git import digests
from acceptance.workflows.model import Codeset
from acceptance.workflows.walk import Walk
from tests.contract.fuseml.recordings import REAL, fields, recording
from tests.contract.fuseml.scripts import PROGRAM, SERVER

SCRIPTS = {"rest": SERVER, "cli": PROGRAM}


def walk_of(recorded, folder, **seconds):
    """Return a walk under names that are none of the recordings'."""
    fuseml = recorded.fuseml
    fuseml.version()
    workflow = workflow_for(fuseml.offered(), "1a2b")
    codeset = Codeset("acceptance-1a2b", "images")
    return Walk(fuseml, workflow, codeset, folder, lambda text: None, 30, poll=0.01, least_quiet=0.1, **seconds)


def test_a_walk_asks_what_was_recorded_and_nothing_else(recorded, client, folder):
    asked = recorded(client, SCRIPTS[client])
    with asked.fuseml:
        walk = walk_of(asked, folder)
        assert str(walk.register()) == "acceptance-1a2b/images"
        assert walk.missing_code() is None
        first = walk.wait_for_end(walk.assign())
        assert first.name.startswith("fuseml-acceptance-1a2b-images-")
        assert (first.workflow, first.state) == ("mlflow-e2e-1a2b", "Succeeded")
        application = walk.wait_for_application()
        assert application.name == application.model == "acceptance-1a2b-images-mlflow-e2e-1a2b"
        assert application.address == f"{application.name}.fuseml-workloads.192.0.2.74.nip.io"
        assert application.model_folder == f"model/triton/{application.name}/1"
        failure = walk.fail(read_workflow("wrong-step", "3c4d"))
        assert (failure.run.workflow, failure.run.state) == ("wrong-step-3c4d", "Failed")
        assert "workflow wrong-step-3c4d" not in walk.made
        second = walk.wait_for_end(walk.push())
        assert second.name != first.name
        assert digests(folder).keys() > {"PUSHED"}
        assert walk.missing_code() is None
        assert walk.unassign() == []
        assert walk.remove() == []
        assert walk.close() == []
    asked.check_over()
    assert not asked.directory.exists()


def test_code_that_did_not_arrive_is_named(recorded, folder):
    asked = recorded("rest", SERVER)
    with asked.fuseml:
        walk = walk_of(asked, folder)
        walk.register()
        (folder / "sub" / "train.py").write_text("changed\n")
        problem = walk.missing_code()
    assert problem
    assert "sub/train.py (1 in all)" in problem.what


BEGINNING = {client: script[: script.index("assign") + 1] for client, script in SCRIPTS.items()}
NO_RUN = {"rest": "runs-none-json", "cli": "runs-by-project-json"}


def test_an_assignment_that_started_no_run_is_found_out(recorded, client, folder):
    asked = recorded(client, [*BEGINNING[client], NO_RUN[client]])
    with asked.fuseml:
        walk = walk_of(asked, folder, new_run_seconds=0.3)
        walk.register()
        with pytest.raises(
            WaitTimeout, match="a run, with acceptance-1a2b/images assigned; last state: no new run"
        ) as no:
            walk.assign()
    assert "look at the workflow's event listener" in str(no.value)
    asked.check_over()


def test_what_would_keep_a_workflow_from_running_is_said_before_anything_is_registered(recorded, client, folder):
    asked = recorded(client, SCRIPTS[client], beneath=lambda version: [Problem(f"no Tekton for {version}", "get one")])
    with asked.fuseml:
        walk = walk_of(asked, folder)
        walk.workflow = type(walk.workflow)("x", "", ("kserve-api", "made-up-api"))
        with pytest.raises(AcceptanceError) as refused:
            walk.register()
    assert "FuseML v0.3.0 has no extension with the resource made-up-api: register the extension" in str(refused.value)
    assert "no Tekton for v0.3.0: get one" in str(refused.value)
    assert "kserve-api" not in str(refused.value)
    assert not walk.made


def test_the_workflow_is_the_one_that_what_is_installed_can_serve():
    assert workflow_for({"kserve-api", "seldon-core-api"}, "1").name == "mlflow-e2e-1"
    assert workflow_for({"seldon-core-api"}, "1").name == "mlflow-seldon-triton-e2e-1"
    assert workflow_for(set(), "1").resources == ("kserve-api", "mlflow-tracking", "s3")
    assert "name: mlflow-e2e-1\n" in read_workflow("mlflow-e2e", "1").text


@pytest.mark.parametrize(("named", "resource"), [("", "nvidia.com/gpu"), ("nvidia.com/mig-1g.5gb",) * 2])
def test_the_gpus_workflow_asks_for_a_gpu_for_trainer_and_predictor(named, resource):
    workflow = workflow_for({"kserve-api"}, "1", "gpu", named)
    assert workflow.name == "mlflow-e2e-gpu-1"
    _, trainer, predictor = yaml.safe_load(workflow.text)["steps"]
    assert trainer["resources"] == {"limits": {resource: 1}}
    inputs = {one["name"]: one.get("value") for one in predictor["inputs"]}
    assert inputs["resources_limits"] == f"{{{resource}: 1}}"


@pytest.mark.parametrize(
    ("file", "name"),
    [
        ("mlflow-e2e", "workflow-create"),
        ("mlflow-e2e-gpu", "workflow-create-gpu-plain"),
        ("mlflow-seldon-triton-e2e", "workflow-create-seldon-triton"),
    ],
)
def test_the_workflows_have_the_fields_of_those_that_a_real_fuseml_took(file, name):
    if not REAL.is_dir():
        pytest.skip(f"{REAL} isn't there, which has what a real FuseML was asked")
    body = yaml.safe_load(recording("http", name)["request"]["body"])
    assert fields(yaml.safe_load(read_workflow(file, "1").text)) == fields(body)
