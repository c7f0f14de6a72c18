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


def test_keep_leaves_the_stack_up_and_its_own_words_remove_it(result, folder):
    check_kept(result)
    wait_clean(folder)
