"""Whole runs with `--workflow fuseml`: FuseML is its recordings', the model is really trained, tracked and served."""

import pytest

from tests.contract.fuseml.program import Program
from tests.contract.fuseml.recordings import REAL, Names
from tests.contract.fuseml.scripts import FIRST, GUARDIAN, PROGRAM, SERVER
from tests.contract.fuseml.server import Replay, replaying
from tests.running import WITHOUT_WORKFLOWS, run_made_up
from tests.tracking_servers import running_server
from tools.suite_run import run_suite

pytestmark = pytest.mark.alone

OPTIONS = ("--target=existing", "--workflow=fuseml", "--data=digits", "--profile=quick", "--rate=140", "--duration=5")
JUDGED = "not gpu and not cluster and not docker and not kserve and not beyond"
# the light trainer logs no Keras model
BUT = "not cpu_models_run_is_tracked"
ON_GPU = "the_gpus_workflow_trains_and_serves_on_the_gpu"
OWN = not REAL.is_dir()


@pytest.fixture(scope="module")
def mlflow(tmp_path_factory):
    with running_server(tmp_path_factory.mktemp("mlflow")) as server:
        yield server.uri


@pytest.mark.parametrize(("client", "chosen"), [("rest", JUDGED), ("cli", "workflow and not gpu")])
def test_the_features_judge_what_the_workflows_run_trained_and_serves(tmp_path, mlflow, client, chosen):
    script, kind = {"rest": (SERVER, "http"), "cli": (PROGRAM, "cli")}[client]
    names, bindings = Names({} if OWN else {"first": FIRST[kind]}), tmp_path / "bindings.json"
    replay = Replay([*(script if client == "rest" else ()), *GUARDIAN], tmp_path / "git", OWN, names, bindings=bindings)
    program = Program(tmp_path / "bin", script if client == "cli" else [], replay)
    with replaying(replay), program.running():
        asked = [f"--fuseml-url=http://{replay.address}", f"--mlflow={mlflow}", f"--fuseml-client={client}"]
        asked += [f"--fuseml-cli={program.path}"] if client == "cli" else []
        options = [*OPTIONS, *asked, "-m", chosen, "-k", BUT]
        plugin = "tests.contract.fuseml.target"
        result = run_suite(tmp_path / "report", *options, plugin=plugin, RECORDED_BINDINGS=str(bindings))
    scenarios = result.scenarios()
    outcomes = {name: found.outcome for name, found in scenarios.items()}
    assert result.code == 0, result.output
    assert {name for name, outcome in outcomes.items() if outcome != "passed"} <= {"grpc_gives_the_same_logits"}
    assert outcomes.keys() >= WITHOUT_WORKFLOWS - {ON_GPU}
    assert (replay.is_over, program.is_over) == (True, True), (replay.unexpected, program.unexpected)
    run = scenarios["an_assigned_workflow_builds_trains_and_serves"].figures["run"]
    assert run.startswith("run fuseml-acceptance-")
    why = scenarios["a_wrong_step_fails_its_run_and_is_named"].figures["why"]
    assert why.splitlines() == ["task trainer, step train ended with exit code 3: trainer said so", "    no GPU"]
    page = (result.report / "report.html").read_text()
    assert "v0.3.0 (contract: " in page
    texts = [file.read_text(errors="replace") for file in result.report.rglob("*") if file.is_file()]
    assert not [text for text in (*texts, result.output) if "PASSWORD" in text or "placeholder" in text]


def test_without_it_the_scenarios_say_which_option_asks_for_it(tmp_path):
    result = run_made_up(tmp_path / "report", {}, "--data=digits", "-m", "workflow")
    assert {name: found.outcome for name, found in result.scenarios().items()} == dict.fromkeys(
        WITHOUT_WORKFLOWS, "skipped"
    )
    assert "with --workflow fuseml your FuseML does" in result.output


def test_a_target_without_workflows_is_named(tmp_path):
    result = run_made_up(tmp_path / "report", {"has_pods": False}, "--data=digits", "-m", "workflow")
    assert "the embedded target runs no workflows; this scenario runs on --target kind or k3d" in result.output
