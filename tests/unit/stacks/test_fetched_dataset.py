"""The program in manifests/training that fetches the data set's files, where MLflow is late or has none."""

import contextlib
import http.server
import subprocess
import sys
import threading

import pytest

from acceptance.kubernetes import manifests

WAITS = 1.0
WHOLE = b"a batch"


class Files(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200 if self.path.endswith("/data_batch_1") else 404)
        self.send_header("Content-Length", str(len(WHOLE)))
        self.end_headers()
        self.wfile.write(WHOLE)


@pytest.fixture
def server():
    """A server whose port is its own, and which listens once it is told to."""
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Files, bind_and_activate=False) as server:
        server.server_bind()
        yield server


@pytest.fixture
def listen(server):
    """Have the server answer from now on."""
    with contextlib.ExitStack() as end:

        def listen():
            server.server_activate()
            threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
            end.callback(server.shutdown)

        yield listen


@pytest.fixture
def fetch(server, tmp_path):
    """Start the program; it is killed on the way out where it still runs."""
    (job,) = manifests.read_component("training")
    _, option, program = manifests.container_of(job, "dataset")["command"]
    started = []

    def fetch(files):
        variables = {
            "FOLDER": str(tmp_path / "data"),
            "FILES": files,
            "FOLDER_URL": f"http://127.0.0.1:{server.server_port}",
        }
        started.append(subprocess.Popen([sys.executable, option, program], env=variables, stderr=subprocess.PIPE))
        return started[-1]

    yield fetch
    for process in started:
        process.kill()
        process.communicate()


def test_a_service_that_nodes_know_a_moment_later_is_waited_for(listen, fetch, tmp_path):
    fetching = fetch("data_batch_1")
    with pytest.raises(subprocess.TimeoutExpired):
        fetching.wait(WAITS)
    listen()
    _, said = fetching.communicate(timeout=20)
    assert fetching.returncode == 0, said
    assert (tmp_path / "data" / "data_batch_1").read_bytes() == WHOLE


def test_a_file_that_is_not_there_is_not(listen, fetch):
    listen()
    fetching = fetch("data_batch_1 data_batch_2")
    _, said = fetching.communicate(timeout=20)
    assert fetching.returncode == 1
    assert b"404" in said
