"""Where the data set comes from, in order, and what is said of a source that can't be used."""

import dataclasses
import hashlib
import os
import tarfile
import tempfile
import threading
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest

from acceptance.data.source import ARCHIVE, FOLDER, Origin, check, find_source, keras_cache
from acceptance.errors import BadSetting
from acceptance.options import read_settings
from tests import http_server
from tests.unit.data.test_batches import write_folder

# a server that doesn't answer
NOWHERE = Origin(f"http://127.0.0.1:9/{ARCHIVE}")


@pytest.fixture
def cache(tmp_path, monkeypatch):
    """Keras' cache, empty."""
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))
    folder = tmp_path / "keras" / "datasets"
    folder.mkdir(parents=True)
    return folder


@pytest.fixture
def archive(tmp_path):
    """A small archive in the data set's layout."""
    folder = tmp_path / "made" / FOLDER
    folder.mkdir(parents=True)
    write_folder(folder)
    file = tmp_path / "made" / ARCHIVE
    with tarfile.open(file, "w:gz") as tar:
        tar.add(folder, FOLDER)
    return file


@pytest.fixture
def origin(archive):
    """The small archive where nothing can be downloaded; its MD5 is taken for the right one."""
    return dataclasses.replace(NOWHERE, md5=hashlib.md5(archive.read_bytes()).hexdigest())  # noqa: S324


class RefusingProxy(BaseHTTPRequestHandler):
    def do_CONNECT(self):
        self.send_error(407)


def test_a_download_that_a_proxy_refuses_says_so_in_full(cache, monkeypatch):
    with http_server.answering(RefusingProxy) as address:
        monkeypatch.setenv("https_proxy", f"http://{address}")
        monkeypatch.delenv("no_proxy", raising=False)
        monkeypatch.delenv("NO_PROXY", raising=False)
        origin = Origin(f"https://example.invalid/{'long/' * 30}{ARCHIVE}")
        with pytest.raises(BadSetting, match="407 Proxy Authentication Required"):
            find_source(read_settings({"data": "cifar10"}, ["embedded"], {}), print, origin)


@pytest.fixture
def server(archive, origin):
    """A web server that has the archive; `broken` cuts it short, `silent` never answers, `huge` says it is too long."""

    class Handler(BaseHTTPRequestHandler):
        mode = "whole"
        origin: Origin

        def do_GET(self):
            if Handler.mode == "silent":
                threading.Event().wait(3)
                return
            content = archive.read_bytes()
            self.send_response(200)
            self.send_header("Content-Length", str(1 << 60 if Handler.mode == "huge" else len(content)))
            self.end_headers()
            self.wfile.write(content[: len(content) // 2] if Handler.mode == "broken" else content)

    with http_server.answering(Handler) as address:
        Handler.origin = dataclasses.replace(origin, url=f"http://{address}/{ARCHIVE}")
        yield Handler


def find(origin=NOWHERE, **given):
    return find_source(read_settings(given, ["embedded", "existing"], {}), lambda text: None, origin)


def test_a_named_folder_is_taken(tmp_path, cache):
    write_folder(tmp_path)
    assert find(cifar10=str(tmp_path)).folder == tmp_path


def test_the_folder_above_the_standard_one_is_taken_as_well(tmp_path, cache):
    folder = tmp_path / "data" / FOLDER
    folder.mkdir(parents=True)
    write_folder(folder)
    assert find(cifar10=str(tmp_path / "data")).folder == folder


def test_a_named_folder_without_batches_is_named_with_what_it_lacks(tmp_path, cache):
    write_folder(tmp_path)
    (tmp_path / "data_batch_3").unlink()
    with pytest.raises(BadSetting, match="lacks data_batch_3"):
        find(cifar10=str(tmp_path))


def test_a_named_archive_with_the_right_sum_is_taken(cache, archive, origin):
    source = find(origin, cifar10=str(archive))
    assert (source.archive, source.folder, source.stand_in) == (archive, None, False)


@pytest.mark.parametrize("keep", [0.5, 0.0])
def test_an_archive_cut_short_is_named_with_both_sums(cache, archive, origin, keep):
    content = archive.read_bytes()
    archive.write_bytes(content[: int(len(content) * keep)])
    with pytest.raises(BadSetting) as caught:
        find(origin, cifar10=str(archive))
    assert origin.md5 in str(caught.value)
    assert hashlib.md5(archive.read_bytes()).hexdigest() in str(caught.value)  # noqa: S324
    assert "cut short" in str(caught.value)


# a file that opens and then can't be read, by root as well
UNREADABLE = "/proc/self/mem"


def test_a_named_archive_that_cannot_be_read_is_named_with_the_reason(cache):
    with pytest.raises(BadSetting, match=f"{UNREADABLE}: can't be read .Input/output error.; .* --cifar10"):
        find(cifar10=UNREADABLE)


def test_an_archive_in_the_cache_that_cannot_be_read_is_passed_over(cache):
    (cache / ARCHIVE).symlink_to(UNREADABLE)
    source = find()
    assert source.stand_in
    assert f"{cache / ARCHIVE}: can't be read (Input/output error)" in source.searched


def test_a_cache_that_cannot_be_looked_into_is_passed_over(cache, server):
    # for root as well: the name that it leads to is too long
    (cache / FOLDER).symlink_to("x" * 300)
    assert find(server.origin).archive == cache / ARCHIVE


@pytest.mark.parametrize("place", [FOLDER, f"{FOLDER}-target/{FOLDER}"])
def test_keras_cache_is_taken_before_the_download(cache, server, place):
    (cache / place).mkdir(parents=True)
    write_folder(cache / place)
    assert find(server.origin).folder == cache / place


def test_the_download_is_kept_in_the_cache(cache, server):
    assert find(server.origin).archive == cache / ARCHIVE
    server.mode = "broken"
    assert find(server.origin).archive == cache / ARCHIVE


@pytest.mark.parametrize("mode", ["broken", "silent"])
def test_a_failed_download_leaves_nothing_and_the_stand_in_is_taken(cache, server, mode):
    server.mode = mode
    source = find(dataclasses.replace(server.origin, answer_seconds=0.3))
    assert source.stand_in
    assert str(cache) in source.searched
    assert list(cache.iterdir()) == []


@pytest.mark.parametrize("length", ["", "garbage"])
def test_a_page_in_the_archives_place_is_quoted(cache, origin, length):
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200)
            if length:
                self.send_header("Content-Length", length)
            self.end_headers()
            self.wfile.write(http_server.LOGIN)

    with http_server.answering(Handler) as address:
        source = find(dataclasses.replace(origin, url=f"http://{address}/{ARCHIVE}"))
    assert source.stand_in
    assert "another file was answered" in source.searched
    assert "Sign in to the proxy" in source.searched
    assert list(cache.iterdir()) == []


def test_what_a_killed_download_left_is_removed_and_one_that_goes_on_is_not(cache, server):
    abandoned, going = cache / "cifar-10-python.tar.12.part", cache / "cifar-10-python.tar.13.part"
    abandoned.touch()
    going.touch()
    os.utime(abandoned, (0, 0))
    assert find(server.origin).archive == cache / ARCHIVE
    assert not abandoned.exists() and going.exists()


def test_a_cache_without_room_is_passed_over(cache, server):
    server.mode = "huge"
    source = find(server.origin)
    assert source.stand_in
    assert f"{cache} has no room" in source.searched
    assert list(cache.iterdir()) == []


def test_a_user_without_a_home_has_a_cache_as_well():
    def homeless():
        raise RuntimeError("Could not determine home directory.")

    assert keras_cache({}, homeless) == Path(tempfile.gettempdir()) / ".keras" / "datasets"


@pytest.mark.parametrize("given", [{"data": "cifar10"}, {"target": "existing"}])
def test_without_a_stand_in_the_error_says_where_it_looked(cache, given):
    with pytest.raises(BadSetting) as caught:
        find(**given)
    assert str(cache) in str(caught.value)
    assert "127.0.0.1:9" in str(caught.value)
    assert "--cifar10" in str(caught.value)


def test_the_stand_in_is_taken_where_it_is_asked_for(cache, server):
    source = find(server.origin, data="digits")
    assert source.stand_in
    assert "STAND-IN DATA" in source.name


def test_a_device_is_not_read():
    with pytest.raises(BadSetting, match=r"^/dev/zero: neither a folder nor a file; name cifar-10-batches-py"):
        check(Path("/dev/zero"))
