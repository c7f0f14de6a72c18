"""Files that are whole, or not there."""

import os
import subprocess
import sys

from acceptance.files import write_whole
from acceptance.paths import ROOT


def test_a_file_is_written_whole_or_not_at_all(tmp_path):
    """A limit on files stands for a full disk."""
    file = tmp_path / "results.json"
    write_whole(file, "before")
    program = (
        "import resource, sys\n"
        "from pathlib import Path\n"
        "from acceptance.files import write_whole\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (2, 2))\n"
        "write_whole(Path(sys.argv[1]), 'after')\n"
    )
    command = [sys.executable, "-c", program, str(file)]
    answer = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
    assert "OSError: [Errno 27] File too large" in answer.stderr
    assert file.read_text() == "before"
    assert [found.name for found in tmp_path.iterdir()] == ["results.json"]


def test_a_file_can_be_for_this_user_alone(tmp_path):
    write_whole(tmp_path / "kubeconfig", "secret", mode=0o600)
    assert (tmp_path / "kubeconfig").stat().st_mode & 0o777 == 0o600


def test_any_other_file_has_what_the_users_umask_leaves(tmp_path):
    before = os.umask(0o002)
    try:
        write_whole(tmp_path / "log", b"\xff")
    finally:
        os.umask(before)
    assert (tmp_path / "log").stat().st_mode & 0o777 == 0o664
    assert (tmp_path / "log").read_bytes() == b"\xff"
