"""The standard folder: written and read back, hostile and broken files refused, one digest with the trainer."""

import pickle
import subprocess
import sys

import numpy as np
import pytest

from acceptance.data import batches
from acceptance.errors import BadSetting
from acceptance.paths import ROOT


def some_images(count: int = 7, seed: int = 1) -> batches.Split:
    random = np.random.default_rng(seed)
    return batches.Split(random.integers(0, 256, (count, 32, 32, 3)).astype(np.uint8), random.integers(0, 10, count))


def write_folder(folder):
    for number, name in enumerate(batches.TRAINING + batches.HELD_OUT):
        batches.write_batch(folder / name, some_images(seed=number))


def test_images_come_back_as_they_were_written(tmp_path):
    images = some_images()
    batches.write_batch(tmp_path / "test_batch", images)
    read = batches.read_split(tmp_path, batches.HELD_OUT)
    assert (read.pixels == images.pixels).all()
    assert (read.labels == images.labels).all()


def test_red_green_and_blue_planes_are_where_the_data_set_has_them(tmp_path):
    row = np.concatenate([np.full(1024, value, np.uint8) for value in (10, 20, 30)])
    (tmp_path / "test_batch").write_bytes(pickle.dumps({b"data": row[None], b"labels": [3]}, protocol=2))
    assert batches.read_split(tmp_path, batches.HELD_OUT).pixels[0, 5, 5].tolist() == [10, 20, 30]


class Hostile:
    def __reduce__(self):
        return print, ("pwned",)


@pytest.mark.parametrize(
    ("content", "word"),
    [
        (pickle.dumps({b"data": Hostile(), b"labels": []}), "builtins.print"),
        (pickle.dumps({b"labels": [1]}), "data"),
        (pickle.dumps([1, 2]), "not a CIFAR-10 batch"),
        (b"", "not a CIFAR-10 batch"),
        (b"<html>404</html>", "not a CIFAR-10 batch"),
        (pickle.dumps(np.zeros((3, 3))), "IndexError"),
        (b"\x80\x02X\xff\xff\xff\xff", "not a CIFAR-10 batch"),
        (b"\x80\x04\x8d\xff\xff\xff\xff\xff\xff\xff\xff.", "OverflowError"),
        (pickle.dumps({b"data": np.zeros((1, 3072)), b"labels": [1]}), "float64"),
        (pickle.dumps({b"data": np.zeros((2, 3072), np.uint8), b"labels": [1]}), "1 labels"),
        (pickle.dumps({b"data": np.zeros((1, 3072), np.uint8), b"labels": [11]}), "labels from 0 to 9"),
    ],
)
def test_a_file_that_is_no_batch_is_named(tmp_path, capsys, content, word):
    file = tmp_path / "test_batch"
    file.write_bytes(content)
    with pytest.raises(BadSetting) as caught:
        batches.read_batch(file)
    assert str(file) in str(caught.value)
    assert word in str(caught.value)
    assert "pwned" not in capsys.readouterr().out


def test_a_batch_cut_short_is_named(tmp_path):
    file = tmp_path / "test_batch"
    batches.write_batch(file, some_images())
    file.write_bytes(file.read_bytes()[:-500])
    with pytest.raises(BadSetting, match="not a CIFAR-10 batch"):
        batches.read_batch(file)


def test_the_trainer_computes_the_same_digest(tmp_path):
    """The codeset imports nothing of the suite, so each has the few lines; they must agree."""
    write_folder(tmp_path)
    ours = batches.digest(
        batches.read_split(tmp_path, batches.TRAINING), batches.read_split(tmp_path, batches.HELD_OUT)
    )
    program = "import sys, data; from pathlib import Path; print(data.digest(*data.read_dataset(Path(sys.argv[1]))))"
    theirs = subprocess.run(
        [sys.executable, "-c", program, tmp_path],
        cwd=ROOT / "codeset",
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert theirs.stdout.strip() == ours
