"""A file is written whole or not at all, and a failure leaves no trace."""

import errno
import os
import stat
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from thermolinalg.errors import OutputError
from thermolinalg.files import atomic_write

DISK_FULL = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


@pytest.fixture
def old(tmp_path):
    path = tmp_path / "result.txt"
    path.write_text("old")
    return path


def assert_untouched(old):
    assert old.read_text() == "old"
    assert list(old.parent.iterdir()) == [old]


def fail(*_args, **_kwargs):
    raise DISK_FULL


@settings(deadline=None)  # it waits for the disk
@given(content=st.text(st.characters(codec="utf-8")))
def test_text_comes_back_byte_for_byte(content, tmp_path_factory):
    path = tmp_path_factory.mktemp("text") / "a"
    atomic_write(path, content)
    assert path.read_bytes() == content.encode()


@pytest.mark.parametrize("as_path", [str, Path])
def test_bytes_replace_what_was_there(old, as_path):
    atomic_write(as_path(old), b"\x00\r\n\xff")
    assert old.read_bytes() == b"\x00\r\n\xff"
    assert list(old.parent.iterdir()) == [old]


def test_relative_path(old, monkeypatch):
    monkeypatch.chdir(old.parent)
    atomic_write("result.txt", "new")
    assert old.read_text() == "new"


def test_a_function_writes_arrays(tmp_path):
    path = tmp_path / "a.npz"
    atomic_write(path, lambda file: np.savez(file, x=np.arange(3)))
    with np.load(path, allow_pickle=False) as arrays:
        assert arrays["x"].tolist() == [0, 1, 2]


def test_a_function_saves_a_figure(tmp_path):
    figure = pytest.importorskip("matplotlib.figure").Figure()
    figure.subplots().plot([1, 2])
    atomic_write(tmp_path / "a.png", figure.savefig)
    atomic_write(tmp_path / "a.pdf", lambda file: figure.savefig(file, format="pdf"))
    assert (tmp_path / "a.png").read_bytes().startswith(b"\x89PNG")
    assert (tmp_path / "a.pdf").read_bytes().startswith(b"%PDF")


@pytest.mark.parametrize("function", ["fsync", "replace"])
def test_a_full_disk_leaves_the_old_file(old, monkeypatch, function):
    monkeypatch.setattr(os, function, fail)
    with pytest.raises(OutputError, match=r"result\.txt could not be written: No space left"):
        atomic_write(old, "new")
    assert_untouched(old)


@pytest.mark.parametrize(
    ("fault", "raised"), [(DISK_FULL, OutputError), (ValueError("bug"), ValueError)]
)
def test_failing_midway_leaves_the_old_file(old, fault, raised):
    def write_half(file):
        file.write(b"half")
        raise fault

    with pytest.raises(raised):
        atomic_write(old, write_half)
    assert_untouched(old)


def test_an_interrupt_midway_leaves_the_old_file(old):
    def interrupted(file):
        file.write(b"half")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        atomic_write(old, interrupted)
    assert_untouched(old)


def test_a_real_limit_on_file_size_leaves_the_old_file(old):
    resource = pytest.importorskip("resource")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 16, before[1]))
    try:
        with pytest.raises(OutputError, match="large"):
            atomic_write(old, bytes(1 << 20))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert_untouched(old)


def test_nothing_is_left_where_nothing_was(tmp_path, monkeypatch):
    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(OutputError):
        atomic_write(tmp_path / "a", "new")
    assert list(tmp_path.iterdir()) == []


def test_a_folder_is_not_replaced(tmp_path):
    (tmp_path / "folder").mkdir()
    with pytest.raises(OutputError, match="it is a folder"):
        atomic_write(tmp_path / "folder", "new")
    assert list(tmp_path.iterdir()) == [tmp_path / "folder"]


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
def test_a_pipe_or_device_is_not_replaced(tmp_path):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    with pytest.raises(OutputError, match="pipe"):
        atomic_write(pipe, "new")
    assert pipe.is_fifo()


def test_the_folder_must_exist(tmp_path):
    with pytest.raises(OutputError, match="No such file or directory"):
        atomic_write(tmp_path / "missing" / "a", "new")


def test_a_file_is_no_folder(old):
    with pytest.raises(OutputError, match="Not a directory"):
        atomic_write(old / "a", "new")
    assert_untouched(old)


def test_the_longest_name_can_be_written(tmp_path):
    path = tmp_path / ("a" * 255)
    atomic_write(path, "new")
    assert path.read_text() == "new"


def test_a_link_stays_a_link(old):
    link = old.with_name("link")
    link.symlink_to(old)
    atomic_write(link, "new")
    assert link.is_symlink()
    assert old.read_text() == "new"


def test_permissions_are_kept(old):
    old.chmod(0o640)
    atomic_write(old, "new")
    assert stat.S_IMODE(old.stat().st_mode) == 0o640


def test_a_new_file_has_ordinary_permissions(tmp_path):
    (tmp_path / "plain").write_text("")
    atomic_write(tmp_path / "atomic", "")
    assert (tmp_path / "atomic").stat().st_mode == (tmp_path / "plain").stat().st_mode
