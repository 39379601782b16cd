"""How many images a pass are chosen, from memory that is pretended and from the real one."""

import numpy as np
import pytest
import torch


class PretendedMemory:
    """Free bytes, and what a pass takes: something once, and something for each image."""

    def __init__(self, free, *, once=0, each=10):
        self.state, self.once, self.each = free, once, each
        self.images = []

    def probe(self):
        from eagle_mllm.models.memory import MemoryProbe

        pretended = self

        class Probe(MemoryProbe):
            def free(self):
                return pretended.state

            def taken_by(self, run):
                run()
                return pretended.once + pretended.each * pretended.images[-1]

        return Probe()

    def run(self, n_images):
        self.images.append(n_images)
        return True


def chosen(memory, *, largest=32, shape="any"):
    from eagle_mllm.models.batch_size import AutoBatchSize

    return AutoBatchSize(largest, memory.probe())(shape, memory.run)


@pytest.mark.parametrize(
    ("free", "once", "expected"),
    [
        (640, 0, 32),  # half of it is 32 images
        (639, 0, 16),
        (10_000, 0, 32),
        (160, 0, 8),
        (160, 20, 4),  # what is taken once counts as one more image for each two
        (40, 0, 2),
        (39, 0, 1),
        (0, 0, 1),
    ],
)
def test_the_largest_power_of_two_that_fits_into_half_of_what_is_free(free, once, expected):
    assert chosen(PretendedMemory(free, once=once)) == expected


def test_one_pass_of_two_images_is_measured_once_for_each_shape():
    from eagle_mllm.models.batch_size import AutoBatchSize

    memory = PretendedMemory(200)
    choose = AutoBatchSize(32, memory.probe())
    assert choose((80, 14), memory.run) == 8
    memory.state = 0
    assert choose((80, 14), memory.run) == 8
    assert memory.images == [2]
    assert choose((81, 14), memory.run) == 1
    assert memory.images == [2, 2]


def test_where_two_images_do_not_fit_there_is_one():
    from eagle_mllm.models.batch_size import AutoBatchSize

    memory = PretendedMemory(10**9)

    def exhausted(n_images):
        memory.run(n_images)
        return False

    assert AutoBatchSize(32, memory.probe())("any", exhausted) == 1


def test_a_scorer_uses_what_was_chosen(load, tiny, regions):
    from eagle_mllm.models.batch_size import AutoBatchSize

    model = load("llava", batch_size="auto")
    assert model.info.details["batch_size"] == "auto"
    generation = model.with_answer(tiny.picture(0), tiny.PROMPT, tiny.ANSWERS[0])
    shown = np.random.default_rng(0).random((7, 12)) < 0.5
    scorer = model.scorer(generation, generation.all(), regions)
    assert scorer.preferred_batch_size == 8  # the most, and this model is tiny
    memory = PretendedMemory(free=100)
    memory.images = [2]
    model._auto_batch_size = AutoBatchSize(32, memory.probe())
    small = model.scorer(generation, generation.all(), regions)
    assert small.preferred_batch_size == 4
    np.testing.assert_allclose(small(shown).probability, scorer(shown).probability, atol=1e-5)


def test_a_trial_that_runs_out_of_memory_means_one_image(load, tiny, regions, monkeypatch):
    from functools import wraps

    model = load("llava", batch_size="auto")
    generation = model.with_answer(tiny.picture(0), tiny.PROMPT, tiny.ANSWERS[0])
    forward = type(model.module).forward

    @wraps(forward)
    def small_memory(self, *args, **arguments):
        if len(arguments["input_ids"]) > 1:
            raise torch.OutOfMemoryError("out of memory")
        return forward(self, *args, **arguments)

    monkeypatch.setattr(type(model.module), "forward", small_memory)
    scorer = model.scorer(generation, generation.all(), regions)
    assert scorer.preferred_batch_size == 1
    assert scorer(np.ones((2, 12), bool)).probability.shape == (2, len(generation.all()))


def test_the_memory_of_this_process_is_measured():
    from eagle_mllm.models.memory import memory_of

    memory = memory_of(torch.device("cpu"))
    assert memory.free() > 0
    megabytes = 2**20
    taken = memory.taken_by(lambda: np.ones(64 * megabytes, np.uint8).sum())
    assert 48 * megabytes < taken < 128 * megabytes


def test_an_error_ends_a_measurement():
    import threading

    from eagle_mllm.models.memory import ProcessMemory

    before = threading.active_count()
    with pytest.raises(ZeroDivisionError):
        ProcessMemory().taken_by(lambda: 1 / 0)
    assert threading.active_count() == before
