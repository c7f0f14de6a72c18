"""Puts the made-up programs of fake_program.py on the PATH, and knows what they were asked."""

import fcntl
import json
import os
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from acceptance.images import read_images
from tests.docker_recorded import GPU_INFO, INFO, LISTED

PINNED = read_images(None)
OWN: dict[str, list[str]] = {image: [] for image in (PINNED.trainer, PINNED.vegeta)}
NODES: dict[str, list[str]] = {PINNED.k3s_cuda: ["CUDA_VERSION=12.2.2"], PINNED.kind_cuda: []}
# a machine without a GPU, where all else is well
WELL: dict[str, Any] = {
    "info": INFO,
    "info_code": 0,
    "images": OWN,
    "image_bytes": 1 << 20,
    "k3d_version": "k3d version v5.8.3\nk3s version v1.31.5-k3s1 (default)",
    "kind_version": "kind v0.30.0 go1.24.6 linux/amd64",
    "clusters": [],
    # the API server of each cluster
    "server": "https://127.0.0.1:1",
    "create": "works",
    "load": [0, ""],
    "cp": [0, ""],
    "exec": [0, "GPU 0: NVIDIA A100"],
    "gpus": [6, "No devices were found"],
    "cuda": "12.2",
    # an nvidia-smi of before driver 510 doesn't
    "knows_capability": True,
}
GPU: dict[str, Any] = {
    "info": {**GPU_INFO, "DefaultRuntime": "nvidia"},
    "gpus": [0, LISTED.output],
    "images": {**OWN, **NODES},
}


@dataclass(frozen=True)
class Fakes:
    """A folder that is put on the PATH."""

    folder: Path

    def install(self, *without: str, **says: Any) -> str:
        """Write the programs and what they say; return the PATH that has them, and else what is needed to run."""
        self.folder.mkdir(exist_ok=True)
        script = Path(__file__).with_name("fake_program.py").read_text()
        for name in {"docker", "k3d", "kind", "nvidia-smi"} - set(without):
            (self.folder / name).write_text(f"#!{sys.executable} -IS\n{script}")
            (self.folder / name).chmod(0o755)
        (self.folder / "says.json").write_text(json.dumps({**WELL, **says}))
        (self.folder / "docker.json").write_text(json.dumps({"container": [], "network": [], "volume": []}))
        (self.folder / "calls.jsonl").touch()
        # of the machine's own programs none that could be meant: git and the like
        others = [Path(found).parent for name in ("git", "sh") if (found := shutil.which(name))]
        clean = [str(path) for path in others if not any((path / name).exists() for name in ("docker", "kind", "k3d"))]
        return os.pathsep.join([str(self.folder), *clean])

    def calls(self, *beginning: str) -> list[list[str]]:
        """Return what was asked that begins with these words."""
        asked = [json.loads(line) for line in self.read("calls.jsonl").splitlines()]
        return [call for call in asked if call[: len(beginning)] == list(beginning)]

    def left(self) -> list[str]:
        """Return what Docker has."""
        there = json.loads(self.read("docker.json"))
        return [f"{kind} {name}" for kind, names in there.items() for name in names]

    def read(self, name: str) -> str:
        """Return a file that the programs may be writing just now."""
        with (self.folder / name).open() as file:
            fcntl.flock(file, fcntl.LOCK_SH)
            return file.read()
