"""Triton out of its wheel: the programs and libraries that must be there before anything is trained."""

import pytest

from acceptance.errors import AcceptanceError
from acceptance.serving import triton_wheel


def test_all_of_it_is_there():
    triton_wheel.check_programs()
    assert triton_wheel.server_program().is_file()
    assert triton_wheel.stub_program().is_file()


@pytest.mark.parametrize("program", ["tritonserver", "triton_python_backend_stub"])
def test_a_library_that_is_missing_is_named_with_its_program(monkeypatch, tmp_path, program):
    ldd = tmp_path / "ldd"
    ldd.write_text(f'#!/bin/sh\ncase $1 in */{program}) echo "	libpython3.11.so.1.0 => not found" ;; esac\n')
    ldd.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    with pytest.raises(AcceptanceError, match=f"{program}: lacks libpython3.11.so.1.0; install a Python"):
        triton_wheel.check_programs()


def test_the_servers_own_copy_of_the_backends_has_the_stub(tmp_path):
    backends = triton_wheel.copy_backends(tmp_path)
    assert (backends / "python" / triton_wheel.stub_program().name).stat().st_mode & 0o111
