"""`make images PUSH=...` pushes what it built to where `--registry` looks for it; docker is made up."""

import os
import subprocess

import pytest

from acceptance.images import mirrored, read_images
from acceptance.paths import ROOT

MADE_UP = """#!/bin/sh
echo "$*" >>"$NOTES"
case "$1 $2" in "push $REFUSED"*) echo "denied: log in first" >&2; exit 1 ;; esac
"""


@pytest.fixture
def build(tmp_path):
    """Build and push images by a docker that only notes what it is told."""
    docker, notes = tmp_path / "docker", tmp_path / "notes"
    docker.write_text(MADE_UP)
    docker.chmod(0o755)

    def run(refused="nothing"):
        variables = {"PATH": f"{tmp_path}:{os.environ['PATH']}", "NOTES": str(notes), "REFUSED": refused}
        command = [str(ROOT / "tools" / "images"), "vegeta"]
        environment = {**os.environ, **variables, "PUSH": "mirror.site/ml/"}
        found = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)
        return found, notes.read_text()

    return run


def test_an_image_is_pushed_to_where_the_suite_pulls_it_from(build):
    found, told = build()
    assert found.returncode == 0, found.stderr
    there = mirrored(read_images(None).vegeta, "mirror.site/ml")
    assert f"tag {read_images(None).vegeta} {there}\npush {there}\n" in told


def test_a_push_that_is_refused_fails_the_command_with_its_words(build):
    found, _ = build(refused="mirror.site/ml/triton-acceptance/vegeta")
    assert found.returncode == 1
    assert "vegeta: denied: log in first" in found.stdout
    assert "images: not built or not pushed, the lines above say why: vegeta" in found.stderr
