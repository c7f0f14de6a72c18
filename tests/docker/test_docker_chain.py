"""The whole chain in real containers, on the stand-in; and that nothing of it is left."""

import pytest

from tests.docker.leftovers import left
from tests.running import WITHOUT_A_GPU, WITHOUT_KSERVE, WITHOUT_WORKFLOWS, run_chain

pytestmark = [pytest.mark.docker, pytest.mark.alone]
SKIPPED = (
    WITHOUT_A_GPU
    | WITHOUT_KSERVE
    | WITHOUT_WORKFLOWS
    | {
        "the_driver_and_the_gpu_are_new_enough",
        "docker_has_the_nvidia_runtime",
        "a_container_sees_the_gpu",
    }
)


@pytest.fixture(scope="module")
def chain(client, images_file, tmp_path_factory):
    folder = tmp_path_factory.mktemp("chain")
    (folder / "tmp").mkdir()
    result = run_chain(
        folder,
        "--target=docker",
        "--profile=quick",
        "--data=digits",
        f"--images={images_file}",
        TMPDIR=str(folder / "tmp"),
    )
    assert left(client, folder) == []
    return result


def test_every_scenario_passes_or_says_why_it_was_skipped(chain):
    outcomes = {name: found.outcome for name, found in chain.scenarios().items()}
    assert chain.code == 0, chain.output
    assert {name for name, outcome in outcomes.items() if outcome != "passed"} <= SKIPPED
    assert "the docker target has no pods" in chain.output


def test_the_figures_are_those_of_a_real_load(chain):
    figures = chain.scenarios()["the_cpu_predictor_takes_the_tutorials_load"].figures
    assert figures["success"] == "100.000% of 3,000"
    assert figures["verdict"] == "VALID"


def test_the_logs_of_every_container_stay(chain):
    names = {log.name.split("-")[0].removesuffix(".log") for log in (chain.report / "logs").iterdir()}
    assert {"docker", "mlflow", "trainer", "triton", "vegeta"} <= names
    assert "uvicorn" in (chain.report / "logs" / "mlflow.log").read_text().lower()
    assert "epoch 6/6" in (chain.report / "logs" / "trainer-cpu-quick-1.log").read_text()


def test_the_daemon_and_its_version_are_named(chain):
    assert "target docker: Docker " in chain.output
