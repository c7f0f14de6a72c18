"""The data set of a run, from each of its sources: unpacked, read and checked before anything trains on it."""

import tarfile

import pytest

from acceptance.data import batches
from acceptance.data.dataset import CIFAR10_CLASSES, prepare
from acceptance.data.source import ARCHIVE, FOLDER, Source
from acceptance.errors import AcceptanceError
from tests.unit.data.test_batches import write_folder


@pytest.fixture
def folder(tmp_path):
    """A small one in the data set's layout."""
    folder = tmp_path / "made" / FOLDER
    folder.mkdir(parents=True)
    write_folder(folder)
    return folder


def test_a_folder_is_read_where_it_is(folder, tmp_path):
    prepared = prepare(Source(folder=folder), tmp_path / "run")
    assert (prepared.folder, prepared.stand_in) == (folder, False)
    assert (prepared.classes, prepared.sample) == (CIFAR10_CLASSES, "deer")
    assert [file.name for file in prepared.files()] == [*batches.TRAINING, *batches.HELD_OUT]
    assert not (tmp_path / "run").exists()


def test_an_archive_is_unpacked_into_the_runs_own_directory_and_is_the_same_data(folder, tmp_path):
    archive = tmp_path / ARCHIVE
    with tarfile.open(archive, "w:gz") as tar:
        tar.add(folder, FOLDER)
    prepared = prepare(Source(archive=archive), tmp_path / "run")
    assert (prepared.folder, prepared.stand_in) == (tmp_path / "run" / FOLDER, False)
    assert len(prepared.held_out) == 7
    assert prepared.digest == prepare(Source(folder=folder), tmp_path).digest


def test_an_archive_that_cannot_be_unpacked_is_named(tmp_path):
    archive = tmp_path / ARCHIVE
    archive.write_bytes(b"half of it")
    with pytest.raises(AcceptanceError, match=f"{archive}: can't be unpacked into {tmp_path / 'run'}"):
        prepare(Source(archive=archive), tmp_path / "run")


def test_a_batch_that_is_broken_is_found_before_anything_trains_on_it(folder, tmp_path):
    (folder / "data_batch_4").write_bytes(b"no pickle")
    with pytest.raises(AcceptanceError, match="data_batch_4: not a CIFAR-10 batch"):
        prepare(Source(folder=folder), tmp_path / "run")


def test_the_stand_in_is_real_data_that_names_itself(tmp_path):
    prepared = prepare(Source(), tmp_path / "run")
    assert prepared.stand_in
    assert "STAND-IN DATA" in prepared.name
    assert prepared.sample == "four"
    assert len(prepared.held_out) == 1000
    assert set(prepared.held_out.labels) == set(range(10))
