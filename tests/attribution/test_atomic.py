import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from eagle_mllm.attribution.atomic import atomic_write, place_new
from eagle_mllm.errors import ResultError

# Root may write anywhere, so the child first becomes nobody.
UNWRITABLE = """
import os, sys
from eagle_mllm.attribution.atomic import atomic_write
from eagle_mllm.errors import ResultError
if os.geteuid() == 0:
    os.seteuid(65534)
try:
    with atomic_write(sys.argv[1]) as temporary:
        temporary.write_text("new")
except ResultError as error:
    print(error)
"""

FULL_DISK = """
import resource, signal, sys
from eagle_mllm.attribution.atomic import atomic_write
from eagle_mllm.errors import ResultError
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
try:
    with atomic_write(sys.argv[1]) as temporary:
        temporary.write_bytes(b"x" * 5000)
except ResultError as error:
    print(error)
"""


def _child(script: str, path: Path) -> str:
    done = subprocess.run(
        [sys.executable, "-c", script, str(path)], capture_output=True, text=True, check=True
    )
    return done.stdout


def test_the_file_appears_only_when_the_block_has_succeeded(tmp_path):
    path = tmp_path / "a.txt"
    with atomic_write(path) as temporary:
        temporary.write_text("whole")
        assert temporary.parent == tmp_path
        assert not path.exists()
    assert path.read_text() == "whole"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("failure", [ValueError("no"), KeyboardInterrupt()])
def test_a_failed_block_leaves_the_old_file_and_nothing_else(tmp_path, failure):
    path = tmp_path / "a.txt"
    path.write_text("old")

    def write_half():
        with atomic_write(path) as temporary:
            temporary.write_text("half")
            raise failure

    with pytest.raises(type(failure)):
        write_half()
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_block_that_writes_nothing_is_an_error(tmp_path):
    with pytest.raises(ResultError, match="No such file"), atomic_write(tmp_path / "a.txt"):
        pass
    assert list(tmp_path.iterdir()) == []


def test_a_full_disk_is_one_line_and_leaves_no_partial_file(tmp_path):
    message = _child(FULL_DISK, tmp_path / "a.txt")
    assert "File too large" in message
    assert "free space" in message
    assert message.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


def test_an_unwritable_folder_is_one_line():
    # Not below tmp_path, which only its owner may enter.
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o555)
        message = _child(UNWRITABLE, folder / "a.txt")
        assert "Permission denied" in message
        assert message.count("\n") == 1
        assert list(folder.iterdir()) == []


def test_a_missing_folder_is_named(tmp_path):
    with (
        pytest.raises(ResultError, match=r"there is no folder .*absent; create it"),
        atomic_write(tmp_path / "absent" / "a.txt"),
    ):
        pytest.fail("the block must not run")


def test_a_folder_is_not_replaced(tmp_path):
    with pytest.raises(ResultError, match="it is a folder"), atomic_write(tmp_path):
        pytest.fail("the block must not run")
    assert tmp_path.is_dir()


def test_a_device_is_not_replaced(tmp_path):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    with pytest.raises(ResultError, match="not a regular file"), atomic_write(pipe):
        pytest.fail("the block must not run")
    assert pipe.is_fifo()


def test_a_symbolic_link_stays_a_link(tmp_path):
    real, link = tmp_path / "real.txt", tmp_path / "link.txt"
    real.write_text("old")
    link.symlink_to(real)
    with atomic_write(link) as temporary:
        temporary.write_text("new")
    assert link.is_symlink()
    assert real.read_text() == "new"


def test_a_circle_of_links_is_an_error(tmp_path):
    first, second = tmp_path / "first", tmp_path / "second"
    first.symlink_to(second)
    second.symlink_to(first)
    with pytest.raises(ResultError, match="cannot write"), atomic_write(first) as temporary:
        temporary.write_text("new")


def test_the_longest_name_can_be_written(tmp_path):
    path = tmp_path / ("n" * 255)
    with atomic_write(path) as temporary:
        temporary.write_text("new")
    assert path.read_text() == "new"


def test_a_new_file_has_the_permissions_of_any_other(tmp_path):
    plain, path = tmp_path / "plain", tmp_path / "atomic"
    plain.touch()
    with atomic_write(path) as temporary:
        temporary.write_text("new")
    assert path.stat().st_mode == plain.stat().st_mode


@pytest.mark.parametrize("name", ["n" * 300, "n" * 300 + "/x", "a\x00b", "\ud800"], ids=ascii)
def test_a_name_that_no_file_system_takes_is_an_error(tmp_path, name):
    with pytest.raises(ResultError, match="cannot write"), atomic_write(tmp_path / name):
        pytest.fail("the block must not run")


def test_a_new_file_takes_no_name_that_is_taken(tmp_path):
    old, new = tmp_path / "old", tmp_path / "new"
    old.write_text("old")
    new.write_text("new")
    with pytest.raises(FileExistsError):
        place_new(new, old)
    assert (old.read_text(), new.read_text()) == ("old", "new")
    place_new(new, tmp_path / "free")
    assert (tmp_path / "free").read_text() == "new"
    assert not new.exists()


@pytest.mark.parametrize("taken", [True, False])
def test_without_links_a_new_file_still_takes_no_name_that_is_taken(tmp_path, monkeypatch, taken):
    def no_links(source, target):
        raise PermissionError(1, "this file system has no links")

    monkeypatch.setattr(os, "link", no_links)
    new, target = tmp_path / "new", tmp_path / "target"
    new.write_text("new")
    if taken:
        target.write_text("old")
        with pytest.raises(FileExistsError):
            place_new(new, target)
    else:
        place_new(new, target)
    assert target.read_text() == ("old" if taken else "new")
