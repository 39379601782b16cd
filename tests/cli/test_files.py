"""Files that commands write where they are told: never over what they read, or each other."""

import os
import shutil
from pathlib import Path

import pytest

from eagle_mllm.cli.files import output_files
from eagle_mllm.errors import ResultError

GRID = ("--regions", "grid", "--n-regions", "4")


@pytest.fixture
def stored(eagle, picture, planted, sketches):
    assert eagle("explain", picture, *GRID, "--out", "kept", "-q").exit_code == 0
    return Path("kept/explanation.npz")


def _bytes(folder):
    return {
        str(path): path.readlink() if path.is_symlink() else path.read_bytes()
        for path in folder.rglob("*")
        if path.is_symlink() or path.is_file()
    }


def _require_refused(result, *says):
    assert result.exit_code == 2
    (line,) = result.stderr.splitlines()
    for fragment in says:
        assert fragment in line


@pytest.mark.parametrize("option", ["--html", "--figure"])
@pytest.mark.parametrize(
    "alias",
    [
        lambda path: path,
        lambda path: path.absolute(),
        lambda path: path.parent / ".." / path.parent.name / path.name,
        lambda path: _made(Path("alias.npz"), lambda alias: alias.symlink_to(path)),
        lambda path: _made(Path("alias.npz"), lambda alias: alias.hardlink_to(path)),
        lambda path: _made(Path("twin"), lambda twin: twin.symlink_to(path.parent)) / path.name,
        lambda path: path.with_name("EXPLANATION.NPZ"),
    ],
    ids=["itself", "absolute", "dots", "symlink", "hard link", "linked folder", "other case"],
)
def test_what_is_shown_is_never_written_over(eagle, stored, folder, option, alias):
    target = alias(stored)
    before = _bytes(folder)
    result = eagle("show", stored, option, target, "--force")
    _require_refused(result, option, "is what this command reads")
    assert _bytes(folder) == before


def _made(path, make):
    make(path)
    return path


@pytest.mark.parametrize(
    ("page", "figure"),
    [("a.png", "a.png"), ("a.png", "./a.png"), ("a.png", "A.PNG"), ("ä.png", "a\u0308.png")],
    ids=["same", "dotted", "other case", "other normal form"],
)
def test_two_results_never_share_a_file(eagle, stored, folder, page, figure):
    before = _bytes(folder)
    result = eagle("show", stored, "--html", page, "--figure", figure, "--force")
    _require_refused(result, "--figure", "--html", "the same file")
    assert _bytes(folder) == before


@pytest.mark.parametrize("link", [os.symlink, os.link])
def test_two_results_never_share_a_file_by_a_link(eagle, stored, folder, link):
    Path("a.png").write_bytes(b"old")
    link("a.png", "b.png")
    result = eagle("show", stored, "--html", "a.png", "--figure", "b.png", "--force")
    _require_refused(result, "the same file")
    assert Path("a.png").read_bytes() == Path("b.png").read_bytes() == b"old"


@pytest.mark.parametrize("read", ["image", "regions"])
def test_explain_replaces_nothing_that_it_reads(eagle, stored, folder, picture, planted, read):
    shutil.copy(picture, "kept/figure.png")
    options = {
        "image": ("kept/figure.png", *GRID),
        "regions": (picture, "--regions", "kept/figure.png"),
    }
    before = _bytes(folder)
    result = eagle("explain", *options[read], "--out", "kept", "--force")
    _require_refused(result, "kept/figure.png would be replaced")
    assert _bytes(folder) == before


def test_the_picture_of_a_demo_can_be_explained_in_its_folder(eagle, planted, sketches):
    assert eagle("demo", "--n-regions", 2, "-q").exit_code == 0
    command = ("explain", "eagle-out/demo/scene.png", *GRID, "--out", "eagle-out/demo", "-q")
    assert eagle(*command).exit_code == 2
    assert eagle(*command, "--force").exit_code == 0
    assert Path("eagle-out/demo/scene.png").exists()


def test_tables_are_not_written_over_a_run(eagle, folder):
    Path("run/records").mkdir(parents=True)
    for name in ("run/run.json", "run/records/a.json"):
        Path(name).write_text("{}")
        result = eagle("tables", "run", "--out", name, "--force")
        _require_refused(result, "--out", "is what this command reads")
        assert Path(name).read_text() == "{}"


# ---- all or none ----


def test_files_appear_together_when_the_block_succeeds(folder):
    with output_files({"--a": Path("a"), "--b": Path("b")}, force=False) as staged:
        staged["--a"].write_text("A")
        staged["--b"].write_text("B")
        assert not list(folder.glob("[!.]*"))
    assert {path.name: path.read_text() for path in folder.iterdir()} == {"a": "A", "b": "B"}


@pytest.mark.parametrize("failure", [ValueError("no"), KeyboardInterrupt()])
def test_a_failed_block_writes_nothing(folder, failure):
    def write():
        with output_files({"--a": Path("a"), "--b": Path("b")}, force=False) as staged:
            staged["--a"].write_text("A")
            raise failure

    with pytest.raises(type(failure)):
        write()
    assert list(folder.iterdir()) == []


def _written(text, *, force, before_the_end=lambda: None):
    with output_files({"--a": Path("a"), "--b": Path("b")}, force=force) as staged:
        staged["--a"].write_text(text)
        staged["--b"].write_text(text)
        before_the_end()


def test_a_file_that_appears_meanwhile_is_kept_and_the_others_do_not_appear(folder):
    with pytest.raises(ResultError, match="b exists already"):
        _written("new", force=False, before_the_end=lambda: Path("b").write_text("mine"))
    assert {path.name: path.read_text() for path in folder.iterdir()} == {"b": "mine"}


def test_a_replacement_that_fails_puts_the_old_files_back(folder):
    for name in "ab":
        Path(name).write_text("old")

    def turn_b_into_a_folder():
        Path("b").unlink()
        Path("b").mkdir()

    with pytest.raises(ResultError, match="cannot write b"):
        _written("new", force=True, before_the_end=turn_b_into_a_folder)
    assert Path("a").read_text() == "old"
    assert Path("b").is_dir()


def test_a_link_stays_and_leads_to_the_new_file(folder):
    for name in "ab":
        Path(name).write_text("old")
    Path("real").write_text("old")
    Path("a").unlink()
    Path("a").symlink_to("real")
    _written("new", force=True)
    assert Path("a").is_symlink()
    assert Path("real").read_text() == "new"


def test_the_longest_name_can_be_written(folder):
    name = "n" * 255
    with output_files({"--out": Path(name)}, force=False) as staged:
        staged["--out"].write_text("new")
    assert [path.name for path in folder.iterdir()] == [name]
