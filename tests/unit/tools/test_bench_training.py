"""The benchmark's long rows, on trainers that are made up: what they measure, and what they say of one that fails."""

import subprocess
import sys

import pytest

from acceptance.paths import ROOT
from tools.bench import training

TRAINER = """
import sys
profile, epochs = sys.argv[sys.argv.index("--profile") + 1], int(sys.argv[sys.argv.index("--epochs") + 1])
for epoch, accuracy in enumerate({accuracies}[profile][:epochs], 1):
    print(f"epoch {{epoch}}/{{epochs}}: step 20/32, accuracy 0.900, 11 s left")
    print(f"epoch {{epoch}}/{{epochs}}: accuracy 0.900, held out {{accuracy:.3f}}, 10 s")
print("trained in %.1f s, held-out images left out" % {seconds}[profile])
b"." * (300_000_000 * (profile == {greedy!r}))
"""
BEYOND = """
import sys
assert sys.argv[1:3] == ["--data", sys.argv[2]] and sys.argv[3:] == ["--profile", "beyond-quarter"]
for epoch, accuracy in enumerate({accuracies}, 1):
    print(f"epoch {{epoch}}/56: accuracy 0.900, held out {{accuracy:.3f}}, 10 s", flush=True)
sys.exit({code} and "no space left")
"""
SECONDS = {"six": 200.0, "quick": 25.0}


def time_to_70(folder, seconds=None, greedy="six", **accuracies):
    """Measure a made-up trainer, which says so many seconds for each recipe, and takes more memory for the greedy one.

    Returns the rows of the time and of the memory.
    """
    (folder / "codeset").mkdir()
    program = TRAINER.format(accuracies=accuracies, seconds=seconds or SECONDS, greedy=greedy)
    (folder / "codeset/train.py").write_text(program)
    time, memory = training.time_to_70(folder, folder, folder / "codeset")
    return time, memory


def test_time_to_70_percent_is_that_of_whole_trainings_in_turns(tmp_path, capsys):
    row, _ = time_to_70(tmp_path, six=[0.5, 0.73], quick=[0.72])
    assert row.value == 8.0
    assert "(25.0, 25.0, 25.0 s)" in row.what
    assert row.reached
    said = [line.split(":")[0] for line in capsys.readouterr().out.splitlines() if "trained in" in line]
    assert said == [f"{profile}, seed {seed}" for seed in (1, 2, 3) for profile in ("six", "quick")]


def test_a_quick_that_is_not_six_times_as_fast_misses(tmp_path):
    row, _ = time_to_70(tmp_path, {"six": 140.0, "quick": 25.0}, six=[0.7, 0.7], quick=[0.72])
    assert not row.reached


@pytest.mark.parametrize(("greedy", "reached"), [("six", True), ("quick", False)])
def test_a_quick_that_takes_more_memory_misses(tmp_path, greedy, reached):
    # in a small process: the kernel counts as a child's what its parent had when it was forked
    program = (
        "import pathlib, sys\n"
        "from tests.unit.tools.test_bench_training import time_to_70\n"
        "_, row = time_to_70(pathlib.Path(sys.argv[1]), greedy=sys.argv[2], six=[0.7, 0.7], quick=[0.72])\n"
        "print(row.value, row.reached)"
    )
    command = [sys.executable, "-c", program, tmp_path, greedy]
    answer = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, timeout=60, check=True)
    ratio, said = answer.stdout.splitlines()[-1].split()
    assert said == str(reached)
    assert (float(ratio) < 0.5) == reached


def beyond(folder, accuracies, code=0):
    (folder / "codeset").mkdir()
    (folder / "codeset/beyond.py").write_text(BEYOND.format(accuracies=accuracies, code=code))
    (row,) = training.beyond_curve(folder, folder, folder / "codeset")
    return row


def test_the_second_recipes_first_epochs_are_held_against_the_published_ones(tmp_path):
    row = beyond(tmp_path, [0.4, 0.6, 0.7, 0.8, 0.9, 0.95])
    assert row.what.endswith("(mean of 4: 40.0, 60.0, 70.0, 80.0 %)")
    assert row.value == pytest.approx(2.5 / sum(training.PUBLISHED))
    assert row.reached


@pytest.mark.parametrize("accuracies", [[0.3, 0.5, 0.6, 0.7], [0.9, 0.9, 0.5]])
def test_a_curve_below_the_published_one_or_cut_short_misses(tmp_path, accuracies):
    assert not beyond(tmp_path, accuracies).reached


def test_a_trainer_that_fails_in_a_benchmark_is_quoted(tmp_path):
    with pytest.raises(SystemExit, match="beyond ended with 1; its last words:\nno space left"):
        beyond(tmp_path, [0.9], code=1)


@pytest.mark.parametrize(("folder", "said"), [("nowhere", "neither a folder nor a file"), (".", "lacks data_batch_1")])
def test_the_benchmark_says_at_once_what_is_wrong_with_its_data(tmp_path, folder, said):
    command = [sys.executable, "-m", "tools.bench", "--cifar10", str(tmp_path / folder)]
    answer = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
    assert answer.returncode == 2
    assert said in answer.stderr


@pytest.mark.parametrize(
    ("accuracies", "why"),
    [
        ({"six": [0.6, 0.69], "quick": [0.72]}, "six: 69.0 % held out"),
        ({"six": [0.6, 0.72], "quick": [0.69]}, "quick: 69.0 % held out"),
    ],
)
def test_each_must_get_to_70_percent(tmp_path, accuracies, why):
    with pytest.raises(SystemExit, match=why):
        time_to_70(tmp_path, **accuracies)


def test_a_trainer_that_does_not_say_how_long_it_took_is_named(tmp_path):
    (tmp_path / "codeset").mkdir()
    (tmp_path / "codeset/train.py").write_text("")
    with pytest.raises(SystemExit, match="six did not say how long it took"):
        next(training.time_to_70(tmp_path, tmp_path, tmp_path / "codeset"))
