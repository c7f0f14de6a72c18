"""What answers in MLflow's place is named, with its first words, wherever MLflow is asked."""

import io

import numpy as np
import pytest

from acceptance.errors import AcceptanceError
from acceptance.training.artifacts import ArtifactClient
from acceptance.training.recipes import Recipe
from acceptance.training.tracking import TrainingRun, read_run, server_version
from tests.http_server import LOGIN, Dripping, answering, saying, talking

JSON = "application/json"
RECIPE = Recipe("cpu", "quick", 2)


@pytest.fixture(autouse=True)
def once(monkeypatch):
    """Have MLflow's client give up at once."""
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")


@pytest.mark.parametrize(
    ("handler", "words"),
    [
        (saying(), "Sign in to the proxy"),
        (saying(b"[]", kind=JSON), r"\[\]"),
        (saying(b'{"experiment": 3}', kind=JSON), "experiment"),
        (saying(LOGIN, 403), "403.*Sign in to the proxy"),
        (saying(LOGIN, 502), "502"),
    ],
)
def test_a_run_is_not_read_from_something_else(handler, words):
    with answering(handler) as address, pytest.raises(AcceptanceError, match=f"{address}.*run-1.*{words}"):
        read_run(f"http://{address}", "run-1", RECIPE)


def test_a_server_that_is_not_there_is_named_with_the_innermost_cause():
    with pytest.raises(AcceptanceError, match=r"127\.0\.0\.1:9.*Connection refused"):
        read_run("http://127.0.0.1:9", "run-1", RECIPE)


def test_an_answer_that_comes_a_byte_at_a_time_is_not_waited_for():
    with answering(Dripping) as address, pytest.raises(AcceptanceError, match=f"{address}.*run-1.*no answer in 3 s"):
        read_run(f"http://{address}", "run-1", RECIPE, seconds=3)


def test_a_page_is_no_version():
    with answering(saying()) as address:
        assert server_version(f"http://{address}") == ""
    with answering(saying(b"3.4.0\n", kind="text/plain")) as address:
        assert server_version(f"http://{address}") == "3.4.0"


class RunOfPages(TrainingRun):
    """A run whose artifacts are pages of a proxy."""

    def download_reference(self, directory):
        (directory / "reference.npy").write_bytes(LOGIN)
        return directory / "reference.npy"

    def download_model(self, name, directory):
        (directory / f"model.{name}").write_bytes(LOGIN)
        return directory


def test_an_artifact_that_is_something_else_is_named(tmp_path):
    run = RunOfPages("", "0", "run-1", "FINISHED", RECIPE, {}, {})
    with pytest.raises(AcceptanceError, match=r"run-1.*held_out_logits.*Sign in to the proxy"):
        run.reference_logits(tmp_path)
    with pytest.raises(AcceptanceError, match=r"run-1.*ONNX model can't be read"):
        run.onnx_logits(np.zeros((1, 32, 32, 3), np.float32), tmp_path)


@pytest.mark.parametrize(
    ("handler", "words"),
    [
        (saying(), "HTTP 200.*Sign in to the proxy"),
        (saying(b"", 302, Location="https://login.invalid/"), "HTTP 302.*https://login.invalid/"),
        (saying(b"Invalid Host header", 403, "text/plain"), "HTTP 403.*Invalid Host header"),
    ],
)
def test_artifacts_are_neither_put_into_something_else_nor_got_from_it(handler, words):
    with answering(handler) as address:
        artifacts = ArtifactClient(f"http://{address}", lambda: None)
        with pytest.raises(AcceptanceError, match=f"put data/batch.*{words}"):
            artifacts.put("data/batch", io.BytesIO(b"batch"))
        with pytest.raises(AcceptanceError, match=f"get loads/1.*{words}"):
            artifacts.get("loads/1")


def test_an_upload_to_a_server_that_falls_silent_ends_with_what_the_check_says():
    def check():
        raise AcceptanceError("MLflow answers no more")

    with talking(b"") as silent, pytest.raises(AcceptanceError, match="answers no more"):
        ArtifactClient(f"http://{silent}", check).put("data/batch", io.BytesIO(b"batch"))


def test_an_artifact_is_got_whatever_is_in_it():
    with answering(saying(b"1,200,3", kind="text/csv")) as address:
        assert ArtifactClient(f"http://{address}", lambda: None).get("loads/1") == b"1,200,3"
