"""Samples in real Ray workers, some of which die."""

import os
import signal
import sys
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from eagle_mllm.datasets.registry import open_data
from eagle_mllm.errors import MissingDependency, ModelError, SettingError
from eagle_mllm.runs.config import RunConfig
from eagle_mllm.runs.executors import SerialExecutor
from eagle_mllm.runs.ray_executor import RayExecutor
from eagle_mllm.runs.record import Failure, encode
from eagle_mllm.runs.worker import Worker
from eagle_mllm.testing import Evidence, PlantedModel

CONFIG = RunConfig.model_validate(
    {
        "name": "ray",
        "data": {"set": "scenes"},
        "model": {"id": "planted"},
        "regions": {"method": "grid", "count": 4},
    }
)


class Mortal(Worker):
    """Dies at one sample, as often as there are lives in its folder."""

    def __init__(self, folder, victim):
        star = Evidence(boxes=[(0, 0, 112, 112)])
        super().__init__(PlantedModel("a small star", {"star": star}), CONFIG)
        self.folder, self.victim = folder, victim

    def __call__(self, sample):
        if sample.id == self.victim and (lives := list(self.folder.iterdir())):
            lives[0].unlink()
            os.kill(os.getpid(), signal.SIGKILL)
        return super().__call__(sample)


class LoadPlanted:
    """A worker that dies at a sample, or cannot even be made."""

    def __init__(self, folder=None, victim=None, error=None):
        self.folder, self.victim, self.error = folder, victim, error

    def __call__(self):
        if self.error is not None:
            raise self.error
        return Mortal(self.folder, self.victim)


@pytest.fixture(scope="module")
def cluster():
    """Ray on two cores, whose workers can unpickle what is defined in this file."""
    import ray
    from ray import cloudpickle

    here = sys.modules[__name__]
    cloudpickle.register_pickle_by_value(here)
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("OMP_NUM_THREADS", raising=False)  # Ray's workers would inherit it
        ray.init("local", num_cpus=2, include_dashboard=False, log_to_driver=False)
    yield
    ray.shutdown()
    cloudpickle.unregister_pickle_by_value(here)


def _outcomes(executor, load, samples):
    with executor:
        info = executor.start(load)
        assert info.id == "planted"
        return {one.outcome.sample_id: encode(one.outcome) for one in executor.run(samples)}


def test_two_workers_give_the_bytes_of_one_though_one_is_killed(cluster, tmp_path):
    (tmp_path / "life").touch()
    samples = list(open_data("scenes", count=8))
    load = LoadPlanted(tmp_path, victim=samples[3].id)
    spread = _outcomes(RayExecutor(workers=2), load, samples)
    assert list(tmp_path.iterdir()) == []  # it did die
    alone = _outcomes(SerialExecutor(), load, samples)
    assert len(alone) == 8
    assert spread == alone


def test_an_error_of_loading_is_raised_here_as_it_was_there(cluster):
    load = LoadPlanted(error=ModelError("there is no model 'x'"))
    with RayExecutor(workers=1) as executor, pytest.raises(ModelError) as caught:
        executor.start(load)
    assert str(caught.value) == "there is no model 'x'"


@pytest.mark.slow
@pytest.mark.parametrize("name", ["llava", "qwen2_5_vl", "internvl"])
def test_an_answer_of_a_real_model_comes_back_from_an_actor_and_still_encodes(cluster, name):
    import ray

    image, prompt = np.full((112, 112, 3), 90, np.uint8), "Describe the image in one sentence."

    class Answerer:
        def __init__(self):
            from eagle_mllm.loading import load_model

            self.model = load_model(f"demo/{name}", device="cpu")

        def answer(self):
            return self.model.with_answer(image, prompt, "There is a red circle.")

    actor = ray.remote(Answerer).remote()
    generation = ray.get(actor.answer.remote())
    ray.kill(actor)
    assert generation.text.strip() == "There is a red circle."
    assert len(generation.counterfactual("blue", replacing="red")) == 1


class Threads:
    """Says how many threads its process may use."""

    def __call__(self):
        raise ModelError(os.environ["OMP_NUM_THREADS"])


@pytest.mark.parametrize(("workers", "threads"), [(1, "2"), (2, "1")])
def test_workers_share_the_threads_of_the_machine(cluster, workers, threads):
    with RayExecutor(workers=workers) as executor, pytest.raises(ModelError) as caught:
        executor.start(Threads())
    assert str(caught.value) == threads


@pytest.mark.slow
def test_a_sample_that_kills_every_worker_fails_and_the_others_do_not(cluster, tmp_path):
    for life in range(9):
        (tmp_path / str(life)).touch()
    samples = list(open_data("scenes", count=3))
    with RayExecutor(workers=1) as executor:
        executor.start(LoadPlanted(tmp_path, victim=samples[0].id))
        outcomes = {one.outcome.sample_id: one.outcome for one in executor.run(samples)}
    assert len(outcomes) == 3
    failure = outcomes.pop(samples[0].id)
    assert isinstance(failure, Failure)
    assert failure.reason.startswith("its worker died 3 times")
    assert {outcome.outcome for outcome in outcomes.values()} == {"done"}
    assert len(list(tmp_path.iterdir())) == 9 - 3


class DeadOnArrival:
    """Dies while it loads."""

    def __call__(self):
        os.kill(os.getpid(), signal.SIGKILL)


@pytest.mark.slow
def test_workers_that_die_loading_are_given_up(cluster):
    with RayExecutor(workers=1) as executor, pytest.raises(ModelError, match="use fewer of them"):
        executor.start(DeadOnArrival())


def test_less_than_one_worker_is_refused():
    with pytest.raises(SettingError, match="at least one worker; got 0"):
        RayExecutor(workers=0)


def test_an_address_at_which_nobody_listens_is_one_line_at_once(monkeypatch):
    monkeypatch.setenv("RAY_ADDRESS", "127.0.0.1:1")
    executor = RayExecutor()
    monkeypatch.setattr(executor._ray, "is_initialized", lambda: False)
    with pytest.raises(SettingError, match=r"no Ray cluster at 127\.0\.0\.1:1 \(.*refused\)"):
        executor.start(LoadPlanted())


def test_without_ray_the_remedy_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(MissingDependency, match=r"pip install 'eagle-mllm\[scale\]'"):
        RayExecutor()


def test_no_other_file_of_the_package_imports_ray():
    import eagle_mllm

    package = Path(eagle_mllm.__file__).parent
    importing = [path.name for path in package.rglob("*.py") if "import ray" in path.read_text()]
    assert importing == ["ray_executor.py"]


@pytest.fixture
def machines(monkeypatch):
    """Let the cluster consist of these machines, and one that is gone."""
    import ray

    def pretend(*there):
        nodes = [{"Alive": True, "Resources": resources} for resources in there]
        gone = {"Alive": False, "Resources": {"CPU": 99.0}}
        monkeypatch.setattr(ray, "nodes", lambda: [*nodes, gone])
        monkeypatch.setattr(
            ray, "cluster_resources", lambda: dict(sum(map(Counter, there), Counter()))
        )

    return pretend


@pytest.mark.parametrize(
    ("there", "workers", "expected"),
    [
        ({"CPU": 16.0}, None, (4, {"num_cpus": 4, "num_gpus": 0})),
        ({"CPU": 2.0}, None, (1, {"num_cpus": 2, "num_gpus": 0})),
        ({"CPU": 2.0}, 3, (3, {"num_cpus": 0.6666, "num_gpus": 0})),
        ({"CPU": 16.0, "GPU": 4.0}, None, (4, {"num_cpus": 1, "num_gpus": 1})),
        ({"CPU": 16.0, "GPU": 4.0}, 2, (2, {"num_cpus": 1, "num_gpus": 1})),
        ({"CPU": 16.0, "GPU": 1.0}, 3, (3, {"num_cpus": 1, "num_gpus": 0.3333})),
        ({"CPU": 16.0, "GPU": 2.0}, 3, (3, {"num_cpus": 1, "num_gpus": 0.5})),
    ],
)
def test_workers_share_what_the_cluster_has(machines, there, workers, expected):
    machines(there)
    assert RayExecutor(workers=workers)._plan() == expected


def test_no_worker_is_larger_than_a_machine(machines):
    machines({"CPU": 8.0}, {"CPU": 4.0}, {})
    assert RayExecutor(workers=1)._plan() == (1, {"num_cpus": 8, "num_gpus": 0})


def test_workers_leave_the_gpus_alone_when_told_to(machines):
    machines({"CPU": 8.0, "GPU": 2.0})
    assert RayExecutor(use_gpus=False)._plan() == (2, {"num_cpus": 4, "num_gpus": 0})


def test_signals_mean_after_ray_has_started_what_they_meant_before(monkeypatch):
    import ray

    seen = []

    def start(*_, **__):
        signal.signal(signal.SIGTERM, lambda *_: seen.append("ray"))

    def end(*_):
        seen.append("ours")
        raise SystemExit(143)

    before = signal.signal(signal.SIGTERM, end)
    try:
        executor = RayExecutor()
        monkeypatch.setattr(ray, "is_initialized", lambda: False)
        monkeypatch.setattr(ray, "init", start)
        monkeypatch.setattr(ray, "shutdown", lambda: None)
        executor._connect()

        def wait(*_, **__):
            try:
                signal.raise_signal(signal.SIGTERM)
            except SystemExit:
                raise SystemExit(1) from None  # as Ray does

        monkeypatch.setattr(ray, "wait", wait)
        with pytest.raises(SystemExit) as stopped:
            executor._next()
        assert (stopped.value.code, seen) == (143, ["ours"])
        executor.stop()
        assert signal.getsignal(signal.SIGTERM) is end
    finally:
        signal.signal(signal.SIGTERM, before)
