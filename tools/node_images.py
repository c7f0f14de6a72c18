"""What `tools/images` gives the images of nodes: build arguments, and the device plugin with its image in place.

Usage: python -m tools.node_images IMAGE; prints the arguments for `docker build`. The environment variable CUDA
names the CUDA base of k3s-cuda instead of the one that fits this machine's driver.
"""

import os
import sys

import yaml

from acceptance.errors import BadSetting
from acceptance.files import write_whole
from acceptance.gpu import cuda
from acceptance.images import read_images
from acceptance.kubernetes import manifests
from acceptance.paths import IMAGES


def arguments(image: str) -> list[str]:
    """Return the build arguments; writes images/device-plugin.yaml, which k3s' server applies."""
    images = read_images(None)
    if image == "kind-cuda":
        return [f"KIND_NODE={images.kind_node}"]
    if image != "k3s-cuda":
        return []
    plugin = [manifests.fit(manifest, images) for manifest in manifests.read_component("device-plugin")]
    # another build may read it just now
    write_whole(IMAGES / "device-plugin.yaml", yaml.safe_dump_all(plugin))
    return [f"K3S={images.k3s}", f"CUDA={os.environ.get('CUDA') or cuda.base_for_this_machine()}"]


def main(image: str) -> int:
    try:
        print(*(f"--build-arg {argument}" for argument in arguments(image)))
    except BadSetting as error:
        print(f"images: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
