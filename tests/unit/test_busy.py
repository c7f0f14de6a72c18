"""What keeps a machine busy, said only where something does."""

import subprocess
import sys

import pytest

from acceptance.busy import describe, name_of, processes

USING = [("idle", 0.0), ("python train.py", 150.0), ("dockerd", 20.0), ("kube", 15.0), ("node", 11.0)]


def test_a_busy_machine_names_what_uses_it_most():
    said = describe(7.5, 2, USING, 0.5)
    for fact in ("7.5", "2 cores", "python train.py (150 %", "dockerd (20 %", "kube (15 %"):
        assert fact in said
    assert "node" not in said
    assert "idle" not in said
    assert "memory" not in said


def test_a_machine_with_little_memory_says_so():
    assert "2% of its memory" in describe(0.1, 2, [], 0.02)


@pytest.mark.parametrize("load", [0.0, 2.9])
def test_a_machine_that_is_not_busy_has_nothing_to_say(load):
    assert describe(load, 2, USING, 0.5) == ""


@pytest.mark.parametrize(
    ("name", "command", "shown"),
    [
        ("python3", ["python3", "-u", "/x/train.py", "--token=hush"], "python3 train.py"),
        ("python", ["python", "-m", "mlflow", "run"], "python -m mlflow"),
        ("python", ["python", "-c", "print('hush')"], "python"),
        ("python", ["python", "hush.zip"], "python"),
        ("dockerd", ["dockerd", "hush.py"], "dockerd"),
        ("python", [], "python"),
    ],
)
def test_a_process_is_named_without_its_arguments(name, command, shown):
    assert name_of(name, command) == shown


def test_a_process_that_uses_a_core_is_found(tmp_path):
    script = tmp_path / "spinning_on_purpose.py"
    script.write_text("while True: pass")
    with subprocess.Popen([sys.executable, str(script)]) as spinning:
        try:
            used = {name: percent for name, percent in processes() if "spinning_on_purpose.py" in name}
        finally:
            spinning.kill()
    assert max(used.values()) > 0
