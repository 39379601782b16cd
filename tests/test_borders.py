"""Files of others are read up to a limit, and whatever a parser raises leaves as one line."""

import os
import subprocess
from pathlib import Path

import pytest

from eagle_mllm.errors import DataError, RegionError


@pytest.fixture
def file_bytes():
    from eagle_mllm.borders import file_bytes

    return file_bytes


def _nest(depth: int = 0) -> int:
    return _nest(depth + 1)


@pytest.mark.parametrize(
    ("raised", "told"),
    [
        (ValueError("two\nlines."), "two lines"),
        (KeyError(), "KeyError"),
        (OSError(28, "No space left on device"), "No space left on device"),
        (MemoryError(), "it needs more memory than there is"),
        (OverflowError("too large"), "too large"),
        (RuntimeError("x" * 1000), "x" * 200 + "..."),
    ],
)
def test_whatever_a_reader_raises_leaves_as_one_line_of_ours(raised, told):
    from eagle_mllm.borders import border

    with (
        pytest.raises(DataError) as error,
        border(DataError, "cannot read a.json", advice="fetch it again"),
    ):
        raise raised
    assert str(error.value) == f"cannot read a.json: {told}; fetch it again"
    assert error.value.__cause__ is raised


def test_endless_nesting_leaves_as_one_line_of_ours():
    from eagle_mllm.borders import border

    with (
        pytest.raises(DataError, match="cannot read a: it nests too deeply; fetch it again"),
        border(DataError, "cannot read a", advice="fetch it again"),
    ):
        _nest()


@pytest.mark.parametrize("raised", [RegionError("as it is"), KeyboardInterrupt()])
def test_errors_of_ours_and_interruptions_pass_the_border_as_they_are(raised):
    from eagle_mllm.borders import border

    with pytest.raises(type(raised)) as error, border(DataError, "cannot read a", advice="x"):
        raise raised
    assert error.value is raised


def test_a_file_is_read_whole_and_a_larger_one_not_at_all(tmp_path: Path, file_bytes):
    path = tmp_path / "a"
    path.write_bytes(b"12345")
    assert file_bytes(path, limit=5) == b"12345"
    with pytest.raises(OSError, match="more than 4 bytes"):
        file_bytes(path, limit=4)
    path.write_bytes(b"")
    assert file_bytes(path, limit=0) == b""


def test_a_file_that_claims_terabytes_costs_nothing(tmp_path: Path, file_bytes):
    path = tmp_path / "sparse"
    path.touch()
    os.truncate(path, 1 << 42)
    with pytest.raises(OSError, match="more than 1,000 bytes"):
        file_bytes(path, limit=1000)


@pytest.mark.parametrize("device", ["/dev/zero", "/dev/full", "/dev/null", "/dev/urandom"])
def test_devices_are_refused(device, file_bytes):
    with pytest.raises(OSError, match="it is a device, not a file"):
        file_bytes(Path(device), limit=100)


@pytest.mark.parametrize("name", ["a\0b", "long" * 2000, "\ud800", ""])
def test_impossible_names_and_folders_are_errors_of_the_system(tmp_path, name, file_bytes):
    with pytest.raises(OSError, match=r"impossible|too long|folder"):
        file_bytes(tmp_path / name, limit=100)


def test_a_pipe_is_read_to_its_end_and_no_further_than_the_limit(tmp_path: Path, file_bytes):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    for limit in (1 << 20, 1000):
        with subprocess.Popen(["sh", "-c", f"head -c 300000 /dev/zero > {pipe} 2>/dev/null"]):
            if limit > 300_000:
                assert file_bytes(pipe, limit=limit) == bytes(300_000)
            else:
                with pytest.raises(OSError, match="more than 1,000 bytes"):
                    file_bytes(pipe, limit=limit)


def test_a_pipe_that_keeps_silent_ends(tmp_path: Path, monkeypatch, file_bytes):
    from eagle_mllm import borders

    monkeypatch.setattr(borders, "PIPE_PATIENCE", 0.05)
    os.mkfifo(tmp_path / "silent")
    with pytest.raises(OSError, match="said nothing for 0 seconds"):
        file_bytes(tmp_path / "silent", limit=100)
