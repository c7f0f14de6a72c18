"""The digest of the model's file that a server loaded: where it comes from, and what it is compared with."""

import hashlib

import pytest

from acceptance.errors import AcceptanceError
from acceptance.serving.served_model import FILE, ServedModel, not_what_was_trained, read_file, read_words
from acceptance.training.recipes import Recipe
from acceptance.training.tracking import TrainingRun

SHA_256 = hashlib.sha256(b"onnx").hexdigest()


def run_with(**parameters):
    return TrainingRun("", "0", "cpu-quick-1", "FINISHED", Recipe("cpu", "quick", 2), parameters, {})


def test_a_file_is_read_where_it_lies(tmp_path):
    (tmp_path / FILE).parent.mkdir(parents=True)
    (tmp_path / FILE).write_bytes(b"onnx")
    assert read_file(tmp_path / FILE, "here") == ServedModel(SHA_256, "here")


def test_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(AcceptanceError, match="models/x: the served model can't be read: No such file"):
        read_file(tmp_path / FILE, "models/x")


def test_the_digest_is_found_in_what_a_program_says():
    assert read_words(f"{SHA_256}  /models/{FILE}\n", "there").sha256 == SHA_256


@pytest.mark.parametrize("words", ["", "sha256sum: no such file", SHA_256[:-1], SHA_256 + "0", "0" * 65])
def test_words_without_a_digest_are_shown(words):
    with pytest.raises(AcceptanceError, match=f"there: no SHA-256 was said, but {words or 'nothing'}"):
        read_words(words, "there")


def test_the_trainers_own_file_is_what_was_trained():
    assert not_what_was_trained(ServedModel(SHA_256, "there"), run_with(onnx_sha256=SHA_256)) is None


def test_any_other_file_is_named_with_both_digests():
    problem = not_what_was_trained(ServedModel("0" * 64, "there"), run_with(onnx_sha256=SHA_256))
    assert problem
    for fact in ("there is another file than the CPU run cpu-quick-1", "0" * 64, SHA_256):
        assert fact in problem.what


def test_a_run_without_a_digest_is_an_error_and_no_match():
    with pytest.raises(AcceptanceError, match=r"cpu-quick-1 .* logged no onnx_sha256"):
        not_what_was_trained(ServedModel("", "there"), run_with())
