"""The engine on a real daemon: what Docker refuses, and files on their way in and out."""

import secrets

import pytest

from acceptance.docker import cleanup
from acceptance.docker.cleanup import RUN, find_labelled
from acceptance.docker.engine import Engine
from acceptance.docker.host import REFUSED, no_gpu, no_runtime
from acceptance.errors import AcceptanceError, ProcessDied
from acceptance.processes.local import Processes, module_command
from tools.lab_image_names import own_images

pytestmark = pytest.mark.docker


@pytest.fixture
def engine(client, tmp_path):
    engine = Engine(f"triton-acceptance-{secrets.token_hex(4)}", tmp_path, print, lambda: None)
    (tmp_path / "guardian").mkdir()
    processes = Processes(tmp_path / "guardian", tmp_path)
    processes.afterwards(module_command(cleanup.__name__, engine.run), "remove this test's containers yourself")
    yield engine
    engine.close()
    processes.close()
    assert not any(find_labelled(client, f"{RUN}={engine.run}").values())


def test_a_daemon_without_the_toolkit_refuses_a_gpu_and_that_is_told_with_the_fix(engine):
    if not no_runtime(engine.info()):
        pytest.skip("this Docker has the nvidia runtime")
    for _ in range(2):  # what was refused must not be in the way of the next
        answer = engine.nvidia_smi(own_images()["triton"], ["nvidia-smi"])
        assert answer.code == REFUSED
        problem = no_gpu(answer)
        assert problem, answer
        assert "sudo nvidia-ctk runtime configure --runtime=docker" in problem.fix


def test_a_program_that_is_not_in_the_image_is_refused_with_dockers_words(engine):
    with pytest.raises(AcceptanceError, match=r"starting nothing: .*executable file not found"):
        engine.output("nothing", own_images()["trainer"], ["nowhere"])


def test_folders_go_in_for_the_images_user_and_files_come_back_whole(engine, tmp_path):
    (tmp_path / "sent" / "below").mkdir(parents=True)
    (tmp_path / "sent" / "below" / "numbers").write_bytes(bytes(range(256)) * 1000)
    (tmp_path / "sent").chmod(0o700)
    copy = ["cp", "/home/trainer/sent/below/numbers", "/home/trainer/sent/back"]
    files = {"/home/trainer/sent": tmp_path / "sent"}
    with engine.running("copy", own_images()["trainer"], copy, files=files) as container:
        assert container.container.wait(timeout=60)["StatusCode"] == 0, container.container.logs()
        container.fetch("/home/trainer/sent/back", tmp_path / "back")
        with pytest.raises(AcceptanceError, match="copying /home/trainer/nowhere out of copy"):
            container.fetch("/home/trainer/nowhere", tmp_path / "nowhere")
    assert (tmp_path / "back").read_bytes() == bytes(range(256)) * 1000


@pytest.mark.parametrize(
    ("command", "words"),
    [
        ("echo no cheese; exit 3", "failing exited with 3: no cheese"),
        ("echo so far; kill -SEGV $$", "failing was killed by SIGSEGV"),
    ],
)
def test_a_container_that_ends_is_told_with_its_last_words(engine, command, words):
    container = engine.start("failing", own_images()["trainer"], ["sh", "-c", command], init=True)
    container.container.wait(timeout=60)
    with pytest.raises(ProcessDied, match=words):
        engine.check_alive()


def test_a_container_that_somebody_removed_is_told(engine):
    container = engine.start("removed", own_images()["trainer"], ["sleep", "60"])
    engine.check_alive()
    container.container.remove(force=True)
    with pytest.raises(ProcessDied, match="removed: its container was removed"):
        engine.check_alive()
    engine.save_evidence()
    assert "removed: its container was removed" in (engine.logs / "docker.log").read_text()
