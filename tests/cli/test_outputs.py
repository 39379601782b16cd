"""Folders of results: claimed at the start, filled in one go, whole after any signal."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from eagle_mllm.cli.claims import claim, staging_folder
from eagle_mllm.cli.outputs import Place, output_folder, place_for
from eagle_mllm.errors import ResultError

NEW = {"explanation.npz": "new", "figure.png": "new", "report.html": "new"}
OLD = {"explanation-0-a.npz": "old", "explanation-1-b.npz": "old", "report.html": "old"}

CODES = {signal.SIGKILL: -9, signal.SIGTERM: 143, signal.SIGINT: 130}

# Publishes into `out`, sending itself a signal before or after one call of the operating system;
# each attempt is a process of its own. Prints what each one left, and what the next start left.
STOPPED = """
import contextlib, json, os, pathlib, shutil, signal, sys

from eagle_mllm.attribution.atomic import atomic_write
from eagle_mllm.cli.outputs import Place, output_folder
from eagle_mllm.cli.signals import end_tidily

NEW, OLD = json.loads(sys.argv[1]), json.loads(sys.argv[2])
NUMBER, BEFORE = int(sys.argv[3]), sys.argv[4] == "before"
CALLS = ("mkdir", "rename", "replace", "link", "unlink", "rmdir", "open")
out = pathlib.Path("out")


def write():
    with output_folder(Place(folder=out, force=bool(OLD))) as output:
        for name, text in NEW.items():
            with atomic_write(output.staging / name) as temporary:
                temporary.write_text(text)
        output.publish()


def hook(step):
    left = [step]

    def counted(call):
        def counting(*arguments, **options):
            left[0] -= 1
            if left[0] == 0 and BEFORE:
                os.kill(os.getpid(), NUMBER)
            is_last = left[0] == 0 and not BEFORE
            try:
                return call(*arguments, **options)
            finally:
                if is_last:
                    os.kill(os.getpid(), NUMBER)

        return counting

    for name in CALLS:
        setattr(os, name, counted(getattr(os, name)))


def child(work, step=None):
    process = os.fork()
    if process:
        return os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])
    code = 1
    try:
        signal.signal(signal.SIGINT, signal.default_int_handler)
        end_tidily()
        if step:
            hook(step)
        work()
        code = 0
    except KeyboardInterrupt:
        code = 130
    except SystemExit as ended:
        code = ended.code
    finally:
        os._exit(code)


def left():
    shown = {p.name: p.read_text() for p in out.glob("[!.]*")} if out.exists() else {}
    hidden = [str(p) for place in (out, out.parent) for p in place.glob(".eagle-*")]
    return {"shown": shown, "hidden": hidden}


for step in range(1, 200):
    shutil.rmtree(out, ignore_errors=True)
    if OLD:
        out.mkdir()
        for name, text in (OLD | {"notes.txt": "mine"}).items():
            (out / name).write_text(text)
    code = child(write, step)
    after = left()

    def start():
        with contextlib.suppress(Exception), output_folder(Place(folder=out, force=bool(OLD))):
            pass

    child(start)
    print(json.dumps({"step": step, "code": code, "after": after, "later": left()}))
    if code == 0:
        break
"""


def _stopped(folder, number, when, *, old):
    done = subprocess.run(
        [sys.executable, "-c", STOPPED, json.dumps(NEW), json.dumps(old), str(int(number)), when],
        cwd=folder,
        capture_output=True,
        text=True,
        check=True,
    )
    return [json.loads(line) for line in done.stdout.splitlines()]


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_a_new_folder_holds_all_results_or_none_at_whichever_step_we_are_stopped(
    tmp_path, number, when
):
    attempts = _stopped(tmp_path, number, when, old={})
    assert len(attempts) > 12
    assert attempts.pop()["code"] == 0
    for attempt in attempts:
        assert (
            attempt["code"] == {signal.SIGKILL: -9, signal.SIGTERM: 143, signal.SIGINT: 130}[number]
        )
        assert attempt["after"]["shown"] in ({}, NEW)
        assert attempt["later"]["shown"] == attempt["after"]["shown"]
        assert attempt["later"]["hidden"] == []
        assert number == signal.SIGKILL or attempt["after"]["hidden"] == []


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_replaced_results_are_the_old_ones_or_the_new_at_whichever_step_we_are_stopped(
    tmp_path, number, when
):
    attempts = _stopped(tmp_path, number, when, old=OLD)
    assert len(attempts) > 28
    assert attempts.pop()["code"] == 0
    for attempt in attempts:
        shown, later = attempt["after"]["shown"], attempt["later"]["shown"]
        assert shown.pop("notes.txt") == later.pop("notes.txt") == "mine"
        assert later in (OLD, NEW)
        assert attempt["later"]["hidden"] == []
        # A kill leaves no mixture, and no page beside an incomplete set.
        assert len(set(shown.values())) <= 1
        assert "report.html" not in shown or shown in (OLD, NEW)
        assert number == signal.SIGKILL or (shown == later and attempt["after"]["hidden"] == [])


# ---- two at once ----


def _fill(output, text="new"):
    for name in NEW:
        (output.staging / name).write_text(text)
    output.publish()


def test_a_folder_that_is_being_written_is_refused_even_by_force(folder):
    with (
        output_folder(Place(folder=Path("out"))),
        pytest.raises(ResultError, match="being written by another command"),
        output_folder(Place(folder=Path("out"), force=True)),
    ):
        pytest.fail("the block must not run")
    assert list(folder.iterdir()) == []


def test_the_default_folder_takes_the_next_number_while_another_command_writes(folder):
    place = place_for(None, name="photo", force=False)
    with output_folder(place) as first, output_folder(place) as second:
        assert (first.folder.name, second.folder.name) == ("photo", "photo-2")
        _fill(second, "second")
        _fill(first, "first")
    with output_folder(place) as third:
        assert third.folder.name == "photo-3"
    assert Path("eagle-out/photo/report.html").read_text() == "first"
    assert Path("eagle-out/photo-2/report.html").read_text() == "second"
    assert not Path("eagle-out/photo-3").exists()


def test_without_locks_a_folder_that_exists_is_not_taken_for_ours(folder, monkeypatch):
    from eagle_mllm.cli import claims

    monkeypatch.setattr(claims.sys, "platform", "win32")
    place = place_for(None, name="photo", force=False)
    with output_folder(place) as first, output_folder(place) as second:
        assert (first.folder.name, second.folder.name) == ("photo", "photo-2")


def test_without_locks_what_appeared_in_the_meantime_is_not_replaced(folder, monkeypatch):
    from eagle_mllm.cli import claims

    monkeypatch.setattr(claims.sys, "platform", "win32")
    place = Place(folder=Path("out"))
    with output_folder(place) as first, output_folder(place) as second:
        _fill(first, "first")
        with pytest.raises(ResultError, match="filled by something else"):
            _fill(second, "second")
    assert {path.name: path.read_text() for path in Path("out").iterdir()} == dict.fromkeys(
        NEW, "first"
    )


def no_links(source, target):
    raise PermissionError(1, "this file system has no links")


@pytest.mark.parametrize("links", [True, False], ids=["links", "no links"])
def test_results_join_files_that_came_into_the_folder_meanwhile(folder, monkeypatch, links):
    if not links:
        monkeypatch.setattr(os, "link", no_links)
    with output_folder(Place(folder=Path("out"))) as output:
        Path("out/notes.txt").write_text("mine")
        _fill(output)
    assert {path.name for path in Path("out").iterdir()} == {*NEW, "notes.txt"}


@pytest.mark.parametrize("failing", range(1, 9))
def test_a_failed_replacement_puts_the_old_results_back(folder, monkeypatch, failing):
    Path("out").mkdir()
    for name, text in OLD.items():
        (Path("out") / name).write_text(text)
    steps = []

    def counted(call):
        def counting(*arguments, **options):
            steps.append(call.__name__)
            if len(steps) == failing:
                raise PermissionError(13, "Permission denied")
            return call(*arguments, **options)

        return counting

    def replaced():
        with (
            output_folder(Place(folder=Path("out"), force=True)) as output,
            monkeypatch.context() as hooked,
        ):
            for name in ("rename", "replace"):
                hooked.setattr(os, name, counted(getattr(os, name)))
            hooked.setattr(os, "link", no_links)
            _fill(output)

    with pytest.raises(ResultError, match="cannot write out: Permission denied"):
        replaced()
    assert {path.name: path.read_text() for path in Path("out").iterdir()} == OLD


# ---- claims ----


def test_a_claim_ends_with_its_process(tmp_path):
    program = """
import sys
from pathlib import Path
from eagle_mllm.cli.claims import claim
held = claim(Path(sys.argv[1]))
print("claimed", flush=True)
sys.stdin.read()
"""
    with subprocess.Popen(
        [sys.executable, "-c", program, str(tmp_path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as other:
        assert other.stdout.readline() == "claimed\n"
        assert claim(tmp_path) is None
        other.kill()
    held = claim(tmp_path)
    assert held.is_certain
    held.release()


def test_only_what_the_dead_have_left_is_cleared(tmp_path):
    dead, others = tmp_path / ".eagle-0123456789ab", tmp_path / ".eagle-settings"
    for place in (dead, others):
        place.mkdir()
        (place / "file").touch()
    with staging_folder(tmp_path) as living, staging_folder(tmp_path) as mine:
        assert not dead.exists()
        assert others.exists()
        assert living.exists()
        assert mine.exists()
    assert list(tmp_path.iterdir()) == [others]


def test_a_new_folder_has_the_permissions_of_any_other(folder):
    Path("plain").mkdir()
    with output_folder(Place(folder=Path("out"))) as output:
        _fill(output)
    assert Path("out").stat().st_mode == Path("plain").stat().st_mode
