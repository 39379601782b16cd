"""What a run would cost, before a model has to work."""

from eagle_mllm.runs.config import load_config
from eagle_mllm.runs.planning import planned


def test_the_passes_of_all_samples_are_counted_without_loading_a_model(settings_file, planted):
    config = load_config(settings_file(), settings={"run.limit": 3})
    plan = planned(config)
    assert plan.passes == 3 * config.method.make().planned_passes(4)
    assert plan.cost is None
    assert planted.answers == 0
