"""Images that can't be had, and --keep, with a real daemon."""

import pytest

from tests.docker.leftovers import left, wait_clean
from tests.running import LIGHT, check_kept
from tools.lab_image_names import own_images
from tools.suite_run import run_suite

pytestmark = pytest.mark.docker
MISSING = "triton-acceptance/nowhere:1"


def run(folder, images, *arguments, **variables):
    (folder / "tmp").mkdir()
    (folder / "images.yaml").write_text("".join(f"{key}: {image}\n" for key, image in images.items()))
    return run_suite(
        folder / "report",
        "--target=docker",
        "--profile=quick",
        "--data=digits",
        f"--images={folder / 'images.yaml'}",
        *arguments,
        TMPDIR=str(folder / "tmp"),
        **variables,
    )


@pytest.mark.parametrize("key", ["trainer", "vegeta", "triton"])
def test_an_image_that_is_nowhere_is_named_before_anything_starts(client, tmp_path, key):
    images = {"triton": own_images()["triton"], "triton-backend": "python", key: MISSING}
    result = run(tmp_path, images, "-k", "cpu_model_learns")
    assert result.code == 4
    assert f"image {MISSING}: not on" in result.output
    assert "`make images`" in result.output and "`--images FILE`" in result.output
    assert left(client, tmp_path) == []


def test_a_triton_without_the_backend_is_told_which_it_has(client, tmp_path):
    images = {"triton": own_images()["triton"], "triton-backend": "onnxruntime"}
    (scenario,) = run(tmp_path, images, "-k", "cpu_model_learns").scenarios().values()
    assert "has no backend onnxruntime" in scenario.message
    assert "only: python" in scenario.message
    assert left(client, tmp_path) == []


def test_images_that_do_not_have_their_programs_are_all_named_before_the_training(client, tmp_path):
    triton = own_images()["triton"]
    images = {"triton": triton, "triton-backend": "onnxruntime", "trainer": triton, "vegeta": own_images()["trainer"]}
    (scenario,) = run(tmp_path, images, "-k", "cpu_model_learns").scenarios().values()
    for fact in (
        f"image {triton}: `sh -c command -v mlflow` in it ended with 127",
        own_images()["trainer"],
        "-version",
        "no backend onnxruntime",
    ):
        assert fact in scenario.message
    assert left(client, tmp_path) == []


def test_a_daemon_that_does_not_answer_fails_the_first_check_with_the_fix(tmp_path):
    nowhere = f"unix://{tmp_path}/docker.sock"
    result = run(tmp_path, {"triton-backend": "python"}, "-k", "container_for_this_user", DOCKER_HOST=nowhere)
    (scenario,) = result.scenarios().values()
    assert scenario.outcome == "failed"
    assert f"Docker at {nowhere}: " in scenario.message
    assert "sudo systemctl start docker" in scenario.message or "Docker is not installed" in scenario.message


def test_keep_leaves_the_stack_up_and_its_own_words_remove_it(client, tmp_path):
    images = {"triton": own_images()["triton"], "triton-backend": "python"}
    result = run(tmp_path, images, *LIGHT, "-k", "json_and_binary", "--keep")
    check_kept(result)
    wait_clean(client, tmp_path)
