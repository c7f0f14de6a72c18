"""Options that change what a run does, in the real processes."""

import re

import pytest

from acceptance.data.batches import HELD_OUT, read_split
from acceptance.data.standin import write_digits
from acceptance.serving.inference import json_request
from tests.chain.leftovers import leftovers, wait_clean
from tests.running import LIGHT, check_kept, remove_kept
from tools.suite_run import run_suite

DEER = "the_deer_lands_at_index_4"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("options")


@pytest.fixture(scope="module")
def result(folder):
    """A run whose stack is kept, with a user's own request, a seven."""
    write_digits(folder / "digits")
    (folder / "tmp").mkdir()
    held_out = read_split(folder / "digits", HELD_OUT)
    seven = int((held_out.labels == 7).argmax())
    request = folder / "data-keras.json"
    request.write_bytes(json_request(held_out.pixels[seven : seven + 1]))
    options = ("-k", "deer_lands", f"--request={request}", "--expect-index=7", "--keep")
    result = run_suite(folder / "report", *LIGHT, "--data=digits", *options, TMPDIR=str(folder / "tmp"))
    yield result
    if leftovers(folder):  # the last test, which removes it, was not chosen
        remove_kept(result)
        wait_clean(folder)


def test_a_users_own_request_is_sent_as_it_is_and_must_land_where_it_says(result):
    assert result.code == 0, result.output
    logits = result.scenarios()[DEER].figures["logits"]
    assert max(re.findall(r"(\w+) (-?[\d.]+)", logits), key=lambda item: float(item[1]))[0] == "seven"


def test_a_failure_has_the_logs_and_the_servers_metrics_as_evidence(tmp_path):
    result = run_suite(tmp_path / "report", *LIGHT, "--data=digits", "-k", "deer_lands", "--expect-index=3")
    assert result.code == 1
    assert "the three landed at index 4 (four), not 3" in result.scenarios()[DEER].message
    page = (result.report / "report.html").read_text()
    for name in ("mlflow.log", "trainer-cpu-quick-1.log", "triton-cpu-2.log", "triton-cpu-metrics.txt"):
        assert f"<summary>{name}" in page
    assert "nv_inference_request_success" in page


def test_keep_leaves_the_stack_up_and_its_own_words_remove_it(result, folder):
    check_kept(result)
    wait_clean(folder)
