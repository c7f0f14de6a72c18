"""Files on their way into a container and out of it, as the tar archives that Docker takes and gives."""

import shutil
import tarfile
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import IO

from acceptance.errors import AcceptanceError

# the user of the suite's images; the files' own user and umask mean nothing in there
OWNER = 1000


def pack(folders: Mapping[str, Path], archive: IO[bytes]) -> None:
    """Write an archive for `/` of the container: each path in it, and the folder here that it is a copy of."""

    def own(item: tarfile.TarInfo) -> tarfile.TarInfo | None:
        item.uid = item.gid = OWNER
        item.uname = item.gname = ""
        item.mode = 0o755 if item.isdir() else 0o644
        return None if Path(item.name).name == "__pycache__" else item

    with tarfile.open(fileobj=archive, mode="w", dereference=True) as tar:
        for path, folder in folders.items():
            tar.add(folder, arcname=path.lstrip("/"), filter=own)
    archive.seek(0)


def unpack_file(pieces: Iterable[bytes], target: Path) -> None:
    """Write the one file of an archive, which comes in pieces, to the target."""
    with tempfile.TemporaryFile(dir=target.parent) as archive:
        for piece in pieces:
            archive.write(piece)
        archive.seek(0)
        with tarfile.open(fileobj=archive) as tar:
            member = tar.next()
            content = tar.extractfile(member) if member else None
            if content is None:
                raise AcceptanceError(f"{target.name}: the container has no such file, only a folder or a link")
            with target.open("wb") as stream:
                shutil.copyfileobj(content, stream)
