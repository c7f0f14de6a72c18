"""Where the data set comes from, in order, and what is said of a source that can't be used."""

import hashlib
import http.server
import os
import tarfile
import threading
from pathlib import Path
from types import SimpleNamespace

import pytest

from acceptance.data import dataset
from acceptance.errors import BadSetting
from acceptance.settings import read_settings
from tests.unit.data.test_batches import write_folder


@pytest.fixture
def cache(tmp_path, monkeypatch):
    """Keras' cache, empty, and no way to the data set's own server."""
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))
    monkeypatch.setattr(dataset, "URL", "http://127.0.0.1:9/cifar-10-python.tar.gz")
    folder = tmp_path / "keras" / "datasets"
    folder.mkdir(parents=True)
    return folder


@pytest.fixture
def archive(tmp_path, monkeypatch):
    """A small archive in the data set's layout, whose MD5 is taken for the right one."""
    folder = tmp_path / "made" / dataset.FOLDER
    folder.mkdir(parents=True)
    write_folder(folder)
    file = tmp_path / "made" / dataset.ARCHIVE
    with tarfile.open(file, "w:gz") as tar:
        tar.add(folder, dataset.FOLDER)
    monkeypatch.setattr(dataset, "MD5", hashlib.md5(file.read_bytes()).hexdigest())  # noqa: S324
    return file


@pytest.fixture
def server(archive, monkeypatch):
    """A web server that has the archive; `broken` cuts it short, `silent` never answers."""

    class Handler(http.server.BaseHTTPRequestHandler):
        mode = "whole"

        def do_GET(self):
            if Handler.mode == "silent":
                threading.Event().wait(3)
                return
            content = archive.read_bytes()
            self.send_response(200)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content[: len(content) // 2] if Handler.mode == "broken" else content)

        def log_message(self, *arguments):
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as running:
        threading.Thread(target=running.serve_forever, daemon=True).start()
        monkeypatch.setattr(dataset, "URL", f"http://127.0.0.1:{running.server_port}/{dataset.ARCHIVE}")
        yield Handler
        running.shutdown()


def find(**given):
    return dataset.find_source(read_settings(given, ["embedded", "existing"], {}), lambda text: None)


def test_a_named_folder_is_taken(tmp_path, cache):
    write_folder(tmp_path)
    assert find(cifar10=str(tmp_path)).folder == tmp_path


def test_the_folder_above_the_standard_one_is_taken_as_well(tmp_path, cache):
    folder = tmp_path / "data" / dataset.FOLDER
    folder.mkdir(parents=True)
    write_folder(folder)
    assert find(cifar10=str(tmp_path / "data")).folder == folder


def test_a_named_folder_without_batches_is_named_with_what_it_lacks(tmp_path, cache):
    write_folder(tmp_path)
    (tmp_path / "data_batch_3").unlink()
    with pytest.raises(BadSetting, match="lacks data_batch_3"):
        find(cifar10=str(tmp_path))


def test_a_named_archive_is_unpacked(tmp_path, cache, archive):
    prepared = dataset.prepare(find(cifar10=str(archive)), tmp_path / "run")
    assert not prepared.stand_in
    assert len(prepared.held_out) == 7


@pytest.mark.parametrize("keep", [0.5, 0.0])
def test_an_archive_cut_short_is_named_with_both_sums(cache, archive, keep):
    content = archive.read_bytes()
    archive.write_bytes(content[: int(len(content) * keep)])
    with pytest.raises(BadSetting) as caught:
        find(cifar10=str(archive))
    assert dataset.MD5 in str(caught.value)
    assert "cut short" in str(caught.value)


# a file that opens and then can't be read, by root as well
UNREADABLE = "/proc/self/mem"


def test_a_named_archive_that_cannot_be_read_is_named_with_the_reason(cache):
    with pytest.raises(BadSetting, match=f"{UNREADABLE}: can't be read .Input/output error.; .* --cifar10"):
        find(cifar10=UNREADABLE)


def test_an_archive_in_the_cache_that_cannot_be_read_is_passed_over(cache):
    (cache / dataset.ARCHIVE).symlink_to(UNREADABLE)
    source = find()
    assert source.stand_in
    assert f"{cache / dataset.ARCHIVE}: can't be read (Input/output error)" in source.searched


def test_a_cache_that_cannot_be_looked_into_is_passed_over(cache, server, monkeypatch):
    def refuse(path, *, exists=Path.exists):
        if path.name == dataset.FOLDER:
            raise PermissionError(13, "Permission denied", str(path))
        return exists(path)

    monkeypatch.setattr(Path, "exists", refuse)
    assert find().archive == cache / dataset.ARCHIVE


@pytest.mark.parametrize("place", [dataset.FOLDER, f"{dataset.FOLDER}-target/{dataset.FOLDER}"])
def test_keras_cache_is_taken_before_the_download(cache, server, place):
    (cache / place).mkdir(parents=True)
    write_folder(cache / place)
    assert find().folder == cache / place


def test_the_download_is_kept_in_the_cache(cache, server):
    assert find().archive == cache / dataset.ARCHIVE
    server.mode = "broken"
    assert find().archive == cache / dataset.ARCHIVE


@pytest.mark.parametrize("mode", ["broken", "silent"])
def test_a_failed_download_leaves_nothing_and_the_stand_in_is_taken(cache, server, monkeypatch, mode):
    monkeypatch.setattr(dataset, "ANSWER_SECONDS", 0.3)
    server.mode = mode
    source = find()
    assert source.stand_in
    assert str(cache) in source.searched
    assert list(cache.iterdir()) == []


def test_what_a_killed_download_left_is_removed_and_one_that_goes_on_is_not(cache, server):
    abandoned, going = cache / "cifar-10-python.tar.12.part", cache / "cifar-10-python.tar.13.part"
    abandoned.touch()
    going.touch()
    os.utime(abandoned, (0, 0))
    assert find().archive == cache / dataset.ARCHIVE
    assert not abandoned.exists() and going.exists()


def test_a_cache_without_room_is_passed_over(cache, server, monkeypatch):
    monkeypatch.setattr(dataset.shutil, "disk_usage", lambda path: SimpleNamespace(free=10))
    source = find()
    assert source.stand_in
    assert f"{cache} has no room" in source.searched
    assert list(cache.iterdir()) == []


def test_a_user_without_a_home_has_a_cache_as_well(cache, monkeypatch, tmp_path):
    def homeless():
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.delenv("KERAS_HOME")
    monkeypatch.setattr(dataset.Path, "home", homeless)
    monkeypatch.setattr(dataset.tempfile, "gettempdir", lambda: str(tmp_path))
    source = find()
    assert source.stand_in
    assert str(tmp_path / ".keras" / "datasets") in source.searched


@pytest.mark.parametrize("given", [{"data": "cifar10"}, {"target": "existing"}])
def test_without_a_stand_in_the_error_says_where_it_looked(cache, given):
    with pytest.raises(BadSetting) as caught:
        find(**given)
    assert str(cache) in str(caught.value)
    assert "127.0.0.1:9" in str(caught.value)
    assert "--cifar10" in str(caught.value)


def test_the_stand_in_is_real_data_that_names_itself(tmp_path):
    prepared = dataset.prepare(find(data="digits"), tmp_path / "run")
    assert prepared.stand_in
    assert "STAND-IN DATA" in prepared.name
    assert prepared.sample == "four"
    assert len(prepared.held_out) == 1000
    assert set(prepared.held_out.labels) == set(range(10))


def test_a_device_is_not_read():
    with pytest.raises(BadSetting, match=r"^/dev/zero: neither a folder nor a file; name cifar-10-batches-py"):
        dataset.check(Path("/dev/zero"))
