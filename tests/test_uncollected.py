"""Garbage is not looked for while a model is loaded, and is afterwards as before."""

import gc
import subprocess
import sys
import weakref

import pytest

from eagle_mllm.uncollected import uncollected


class Knot:
    """Garbage that only a search for cycles finds."""

    def __init__(self):
        self.self = self


@pytest.fixture(autouse=True)
def collecting():
    """Each test begins and ends with the search on."""
    assert gc.isenabled()
    yield
    gc.enable()
    gc.unfreeze()


def test_nothing_is_collected_inside_and_all_is_afterwards():
    with uncollected():
        assert not gc.isenabled()
        knot = weakref.ref(Knot())
        assert knot() is not None
    assert gc.isenabled()
    gc.collect()
    assert knot() is None


def test_the_search_is_on_again_when_the_block_fails():
    with pytest.raises(ValueError, match="broken"), uncollected():
        raise ValueError("broken")
    assert gc.isenabled()


def test_what_was_made_inside_is_old_afterwards():
    with uncollected():
        kept = [[] for _ in range(20_000)]
    young = gc.get_objects(generation=0)
    assert len(young) < len(kept)
    assert gc.get_freeze_count() == 0


def test_blocks_may_be_nested():
    with uncollected():
        with uncollected():
            pass
        assert not gc.isenabled()
    assert gc.isenabled()


def test_a_search_that_somebody_switched_off_stays_off():
    gc.disable()
    with uncollected():
        pass
    assert not gc.isenabled()


def test_what_somebody_froze_stays_frozen():
    gc.freeze()
    count = gc.get_freeze_count()
    with uncollected():
        pass
    assert gc.get_freeze_count() == count
    assert gc.isenabled()


@pytest.mark.parametrize("name", ["demo", "no/such model"])
def test_a_model_is_loaded_without_a_search_and_leaves_it_on(name, monkeypatch):
    import eagle_mllm as eagle
    from eagle_mllm.models import loading

    was_on, load = [], loading.load_checkpoint

    def watched(*given, **named):
        was_on.append(gc.isenabled())
        if name != "demo":
            raise eagle.errors.ModelError("broken")
        return load(*given, **named)

    monkeypatch.setattr(loading, "load_checkpoint", watched)
    try:
        eagle.load_model("demo", device="cpu")
    except eagle.errors.ModelError:
        assert name != "demo"
    assert was_on == [False]
    assert gc.isenabled()


def test_a_command_is_imported_without_a_search_and_runs_with_one():
    code = """
import gc, sys
seen = []
class Finder:
    def find_spec(self, name, path=None, target=None):
        if name == "eagle_mllm.cli.scene":
            seen.append(gc.isenabled())
sys.meta_path.insert(0, Finder())
from eagle_mllm.cli.commands import loaded
loaded("scene")
print(seen, gc.isenabled())
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[False] True"


def test_a_process_that_ends_looks_for_no_garbage():
    code = """
import atexit, gc, sys
from eagle_mllm.cli.main import main
atexit.register(lambda: print(gc.get_freeze_count() > 10_000))
sys.argv = ["eagle", "--version"]
main()
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split()[-1] == "True"
