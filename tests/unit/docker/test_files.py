"""Archives that go into containers and come out of them."""

import io
import tarfile

import pytest

from acceptance.docker.files import OWNER, pack, unpack_file
from acceptance.errors import AcceptanceError


def test_what_goes_in_belongs_to_the_images_user_whoever_owns_it_here(tmp_path):
    folder = tmp_path / "codeset"
    (folder / "__pycache__").mkdir(parents=True)
    (folder / "__pycache__" / "data.pyc").write_bytes(b"")
    (folder / "train.py").write_text("pass")
    (folder / "train.py").chmod(0o600)
    (tmp_path / "link").symlink_to(folder)
    archive = io.BytesIO()
    pack({"/home/trainer/codeset": tmp_path / "link"}, archive)
    with tarfile.open(fileobj=archive) as tar:
        found = {item.name: (item.uid, item.gid, item.mode, item.isdir()) for item in tar}
    assert found == {
        "home/trainer/codeset": (OWNER, OWNER, 0o755, True),
        "home/trainer/codeset/train.py": (OWNER, OWNER, 0o644, False),
    }


def pieces(member: tarfile.TarInfo, content: bytes) -> list[bytes]:
    archive = io.BytesIO()
    member.size = len(content)
    with tarfile.open(fileobj=archive, mode="w") as tar:
        tar.addfile(member, io.BytesIO(content))
    data = archive.getvalue()
    return [data[at : at + 1000] for at in range(0, len(data), 1000)]


def test_a_file_comes_out_whole(tmp_path):
    unpack_file(pieces(tarfile.TarInfo("results.csv"), b"1,200\n" * 1000), tmp_path / "results.csv")
    assert (tmp_path / "results.csv").read_bytes() == b"1,200\n" * 1000


def test_a_folder_is_no_file(tmp_path):
    folder = tarfile.TarInfo("results.csv")
    folder.type = tarfile.DIRTYPE
    with pytest.raises(AcceptanceError, match=r"results.csv: the container has no such file"):
        unpack_file(pieces(folder, b""), tmp_path / "results.csv")
