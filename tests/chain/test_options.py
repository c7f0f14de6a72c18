"""Options that change what a run does, in the real processes."""

import json
import os
import re
import subprocess

import requests

from fixtures.support.batches import HELD_OUT, read_pictures
from fixtures.support.inference import json_request
from fixtures.support.standin import write_digits
from tests.chain.leftovers import wait_clean
from tests.running import run_suite

DEER = "the_deer_lands_at_index_4"


def test_a_users_own_request_is_sent_as_it_is_and_must_land_where_it_says(tmp_path):
    write_digits(tmp_path / "digits")
    held_out = read_pictures(tmp_path / "digits", HELD_OUT)
    seven = int((held_out.labels == 7).argmax())
    request = tmp_path / "data-keras.json"
    request.write_bytes(json_request(held_out.pixels[seven : seven + 1]))
    result = run_suite(
        tmp_path / "report", "--data=digits", "-k", "deer_lands", f"--request={request}", "--expect-index=7"
    )
    assert result.code == 0, result.output
    logits = result.scenarios()[DEER].figures["logits"]
    assert max(re.findall(r"(\w+) (-?[\d.]+)", logits), key=lambda item: float(item[1]))[0] == "seven"


def test_keep_leaves_the_stack_up_and_its_own_words_remove_it(tmp_path):
    (tmp_path / "tmp").mkdir()
    result = run_suite(
        tmp_path / "report", "--data=digits", "-k", "json_binary", "--keep", TMPDIR=str(tmp_path / "tmp")
    )
    remove = re.search(r"^remove: (.+)$", result.output, re.MULTILINE)
    assert remove, result.output
    try:
        assert result.code == 0, result.output
        tracking = re.search(r"^MLflow: (\S+)$", result.output, re.MULTILINE)
        predictor = re.search(r"^Triton on the CPU: (\S+)/infer, gRPC ", result.output, re.MULTILINE)
        assert tracking, result.output
        assert predictor, result.output
        assert requests.get(f"{tracking[1]}/health", timeout=10).status_code == 200
        assert json.loads(requests.get(predictor[1], timeout=10).text)["name"] == "cifar10"
    finally:
        subprocess.run(remove[1], shell=True, check=True, env=os.environ)  # noqa: S602 - the line that the user gets
    wait_clean(tmp_path)
