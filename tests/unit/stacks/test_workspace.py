"""Whether there is a place for the run's own directory and the report."""

import pytest

from acceptance.stacks.workspace import NEEDED_BYTES, no_room, not_writable, problems, temporary_folder
from tests.unit.problems import assert_problem


def test_a_folder_with_room_is_taken(tmp_path):
    assert_problem(no_room(tmp_path, NEEDED_BYTES, "TMPDIR", free=NEEDED_BYTES))
    assert_problem(no_room(tmp_path, 1, "TMPDIR"))


@pytest.mark.parametrize("free", [0, NEEDED_BYTES - 1])
def test_a_folder_without_room_is_named_with_what_it_lacks_and_the_option(tmp_path, free):
    problem = no_room(tmp_path, NEEDED_BYTES, "TMPDIR", free=free)
    assert_problem(problem, str(tmp_path), f"{free / 2**30:.1f} GiB free", "2.0 GiB", "TMPDIR")


@pytest.mark.parametrize(("folder", "why"), [("none", "No such file or directory"), ("file", "Not a directory")])
def test_a_folder_that_cannot_be_written_is_named_with_the_reason(tmp_path, folder, why):
    (tmp_path / "file").touch()
    assert_problem(not_writable(tmp_path / folder, "TMPDIR"), f"TMPDIR={tmp_path / folder}", why)
    assert_problem(not_writable(tmp_path, "TMPDIR"))


def test_where_temporary_files_cannot_go_nothing_else_is_said_of_them(tmp_path):
    (problem,) = problems(tmp_path, {"TMPDIR": str(tmp_path / "none")})
    assert_problem(problem, f"TMPDIR={tmp_path / 'none'}")


def test_a_tmpdir_is_taken_at_its_word(tmp_path):
    """Python itself passes over one that isn't there."""
    assert temporary_folder({"TMPDIR": str(tmp_path / "none")}) == tmp_path / "none"
    assert temporary_folder({}).is_dir()
    assert temporary_folder({"TMPDIR": ""}) == temporary_folder({})
