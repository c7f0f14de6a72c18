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
"""
BEYOND = """
import sys
assert sys.argv[1:3] == ["--data", sys.argv[2]] and sys.argv[3:] == ["--profile", "beyond-quarter"]
for epoch, accuracy in enumerate({accuracies}, 1):
    print(f"epoch {{epoch}}/56: accuracy 0.900, held out {{accuracy:.3f}}, 10 s", flush=True)
sys.exit({code} and "no space left")
"""
NAME = "time to 70 % held out: the tutorial's revised recipe against quick"


def time_to_70(folder, **accuracies):
    """Measure a made-up trainer, whose epochs take 10 s each."""
    (folder / "codeset").mkdir()
    (folder / "codeset/train.py").write_text(TRAINER.format(accuracies=accuracies))
    (row,) = training.time_to_70(folder, folder, folder / "codeset")
    return row.what, row.value


def test_time_to_70_percent_is_that_of_the_first_epoch_that_gets_there(tmp_path):
    measured = time_to_70(tmp_path, quick=[0.6, 0.73], revised=[0.5, 0.6, 0.65, 0.69, 0.7, 0.8])
    assert measured == (NAME, 2.5)


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


def test_a_recipe_that_does_not_get_to_70_percent_leaves_a_lower_bound(tmp_path):
    measured = time_to_70(tmp_path, quick=[0.7], revised=[0.688] * 30)
    assert measured == (f"{NAME} (at least; not there after 10 epochs, 68.8 %)", 10)


@pytest.mark.parametrize(
    ("quick", "why"), [([0.6, 0.69], "quick: 69.0 % after 2 epochs"), ([0.6], "quick ended before its 2 epochs")]
)
def test_quick_must_get_to_70_percent(tmp_path, quick, why):
    with pytest.raises(SystemExit, match=why):
        time_to_70(tmp_path, quick=quick, revised=[0.7])
