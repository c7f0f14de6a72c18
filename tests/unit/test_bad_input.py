"""Bad input to the whole suite: one clear line, exit code 4, nothing started and nothing left."""

import pytest

from fixtures.support import batches
from tests.running import run_suite


def refuse(folder, *arguments, **variables):
    """Run with what must be refused; return the one line that says why."""
    result = run_suite(folder / "report", *arguments, KERAS_HOME=str(folder / "keras"), **variables)
    assert result.code == 4, result.output
    lines = [line for line in result.output.splitlines() if line.strip() and not line.startswith("=")]
    errors = [line for line in lines if line.startswith("ERROR: ")]
    assert errors == [lines[-1]], result.output
    assert "Traceback" not in result.output
    assert not (folder / "report").exists()
    return errors[0]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--target=moon"], ["--target moon", "embedded"]),
        (["--profile=slow"], ["--profile slow", "quick, tutorial"]),
        (["--data=mnist"], ["--data mnist", "digits"]),
        (["--rate=0"], ["--rate 0", "whole number"]),
        (["--rate=10", "--duration=10"], ["100 requests", "662"]),
        (["--duration=forever"], ["--duration forever", "seconds"]),
        (["--cifar10=/no/such/place"], ["/no/such/place", "no such file"]),
        (["--request=/no/such/file"], ["/no/such/file", "no such file"]),
        (["--report=/proc/report"], ["/proc/report", "can't be written", "--report"]),
    ],
)
def test_an_option_that_cannot_be_is_refused(tmp_path, arguments, words):
    line = refuse(tmp_path, *arguments)
    assert all(word in line for word in words), line


def test_a_variable_that_cannot_be_is_refused(tmp_path):
    assert "ACCEPTANCE_TARGET=moon" in refuse(tmp_path, ACCEPTANCE_TARGET="moon")


def test_a_data_folder_without_batches_is_refused(tmp_path):
    (tmp_path / "empty").mkdir()
    assert "lacks data_batch_1" in refuse(tmp_path, f"--cifar10={tmp_path / 'empty'}")


def test_an_archive_with_the_wrong_md5_is_refused(tmp_path):
    archive = tmp_path / "cifar-10-python.tar.gz"
    archive.write_bytes(b"half of it")
    assert "c58f30108f718f92721af3b95e74349a" in refuse(tmp_path, f"--cifar10={archive}")


def test_a_request_that_is_no_json_is_refused(tmp_path):
    file = tmp_path / "request.json"
    file.write_text("{")
    assert "no V2 JSON request" in refuse(tmp_path, f"--request={file}", "--data=digits")


def test_tests_side_by_side_are_refused(tmp_path):
    assert "-n: the scenarios share one stack" in refuse(tmp_path, "--data=digits", "-n2")


def test_a_folder_for_temporary_files_that_is_not_there_is_refused(tmp_path):
    line = refuse(tmp_path, "--data=digits", TMPDIR="/no/such/folder")
    assert "TMPDIR=/no/such/folder: can't be written (No such file or directory)" in line


def test_a_report_that_was_there_stays_when_the_run_is_refused(tmp_path):
    (tmp_path / "report").mkdir()
    result = run_suite(tmp_path / "report", "--data=digits", TMPDIR="/no/such/folder")
    assert result.code == 4
    assert (tmp_path / "report").exists()


def test_a_disk_without_room_is_refused(tmp_path):
    line = refuse(tmp_path, "--data=digits", plugin="tests.unit.full_disk")
    assert "0.0 GiB free; a run needs 2.0 GiB" in line


def test_a_folder_whose_batches_are_broken_is_refused_with_the_file(tmp_path):
    for name in batches.TRAINING + batches.HELD_OUT:
        (tmp_path / name).write_bytes(b"no pickle")
    assert "data_batch_1: not a CIFAR-10 batch" in refuse(tmp_path, f"--cifar10={tmp_path}")
