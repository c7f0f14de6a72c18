"""All that is looked at before anything starts, said at once."""

import pytest

from acceptance.errors import BadSetting, Problem
from acceptance.options import read_settings
from acceptance.stacks.embedded import EmbeddedStack
from acceptance.stacks.preflight import problems


class Unfit(EmbeddedStack):
    """A target with problems of its own."""

    @staticmethod
    def problems(settings):
        return [Problem("no room for a cluster"), Problem("no port is free")]


class Unknown(EmbeddedStack):
    """A target that can't even be asked."""

    @staticmethod
    def problems(settings):
        raise BadSetting("--kube-context lab: not in the kubeconfig")


@pytest.fixture
def look(tmp_path):
    """Look before a run with these options, and with a folder of that name for temporary files."""

    def look(stack, temporary="tmp", **given):
        (tmp_path / temporary).mkdir()
        settings = read_settings(given, ["embedded"], {})
        return [str(problem) for problem in problems(settings, stack, tmp_path, {"TMPDIR": str(tmp_path / temporary)})]

    return look


def test_a_folder_that_triton_would_not_load_a_model_from_is_refused(look, tmp_path, monkeypatch):
    monkeypatch.setenv("TMPDIR", str(tmp_path / "über"))
    (problem,) = look(EmbeddedStack, "über")
    assert str(tmp_path / "über") in problem
    assert "ASCII" in problem
    assert "TMPDIR" in problem


def test_a_run_that_can_start_has_no_problems(look):
    assert look(EmbeddedStack) == []


def test_problems_of_every_room_are_said_together(look, tmp_path):
    request = tmp_path / "request.json"
    request.write_text("{")
    found = look(Unfit, "a#b", request=str(request))
    assert len(found) == 4
    for words in ("no path with # in it", f"--request {request}", "no room for a cluster", "no port is free"):
        assert sum(words in problem for problem in found) == 1


def test_a_target_that_cannot_be_asked_is_a_problem_beside_the_others(look):
    found = look(Unknown, "a#b")
    assert ["a#b" in found[0], "--kube-context lab" in found[1]] == [True, True]
    assert len(found) == 2


def test_a_wrong_file_of_images_is_said_once(look, tmp_path):
    """The target, which reads it as well, is not asked."""
    images = tmp_path / "images.yaml"
    images.write_text("trianer: a:1")
    (problem,) = look(Unfit, images=str(images))
    assert "unknown key 'trianer'" in problem
