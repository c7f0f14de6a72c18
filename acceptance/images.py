"""The images that run in containers: pinned in manifests/images.yaml, from `--registry`, or those of `--images`."""

from dataclasses import dataclass, fields
from pathlib import Path

import yaml

from acceptance.errors import BadSetting
from acceptance.paths import MANIFESTS

PINNED = MANIFESTS / "images.yaml"
# where the image of images/triton keeps ONNX Runtime
SITE_PACKAGES = "/opt/tritonserver/site-packages"
BACKEND, BACKENDS = "triton-backend", ("onnxruntime", "python")


@dataclass(frozen=True)
class Pull:
    """An image that was pulled; `ended` in seconds since the epoch."""

    image: str
    ended: float
    seconds: float


@dataclass(frozen=True)
class Images:
    """Image references, and the Triton backend that the Triton image is to run the model with."""

    trainer: str
    vegeta: str
    triton: str
    triton_backend: str
    minio: str
    cuda_vector_add: str
    cuda: str
    device_plugin: str
    k3s: str
    k3s_cuda: str
    kind_node: str
    kind_cuda: str

    def named(self, placeholder: str) -> str:
        """Return the image that a manifest calls by its key in images.yaml."""
        return str(getattr(self, placeholder.replace("-", "_")))

    def of_pods(self, minio: bool = False) -> list[str]:
        """Return the images that pods run, the device plugin's among them; `minio`: an object store's too."""
        found = [self.trainer, self.vegeta, self.triton, self.cuda_vector_add, self.cuda, self.device_plugin]
        return [*found, self.minio] if minio else found


def read_images(overrides: Path | None, registry: str = "") -> Images:
    """Return the pinned images, from the registry where one is named, with the file's in their place.

    Raises BadSetting that names the file and the key.
    """
    found = read(PINNED)
    if registry:
        found = {key: mirrored(image, registry) if key != BACKEND else image for key, image in found.items()}
    if overrides:
        known = sorted(found)
        for key, image in read(overrides).items():
            if key not in known:
                raise BadSetting(f"--images {overrides}: unknown key {key!r}; the keys are {', '.join(known)}")
            found[key] = image
    images = Images(**{field.name: found[field.name.replace("_", "-")] for field in fields(Images)})
    if images.triton_backend not in BACKENDS:
        raise BadSetting(
            f"--images {overrides}: triton-backend is {images.triton_backend!r}; it can be {' or '.join(BACKENDS)}"
        )
    return images


def mirrored(image: str, registry: str) -> str:
    """Return where a mirror has an image: its own registry's host gives way, path, tag and digest stay."""
    return f"{registry}/{split(image)[1]}"


def split(image: str) -> tuple[str, str]:
    """Return the host of an image's registry, "" where its name has none, and the rest of its name."""
    host, slash, path = image.partition("/")
    is_host = slash and ("." in host or ":" in host or host == "localhost")
    return (host, path) if is_host else ("", image)


def only_here(image: str) -> bool:
    """Say whether it is an image of `make images`, which no registry has."""
    return image.startswith("triton-acceptance/")


def tag_of(image: str) -> str:
    return image.rpartition(":")[2]


def is_pinned_triton(image: str) -> bool:
    """Say whether an image has the pinned Triton's tag, whichever registry it is from."""
    return tag_of(image) == tag_of(read_images(None).triton)


def read(file: Path) -> dict[str, str]:
    try:
        content = yaml.safe_load(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise BadSetting(f"--images {file}: can't be read: {' '.join(str(error).split())}") from error
    if not isinstance(content, dict) or not all(
        isinstance(key, str) and isinstance(image, str) and image for key, image in content.items()
    ):
        raise BadSetting(f"--images {file}: must be lines of `key: image`, as in {PINNED.name}")
    return content
