"""What a run would cost, before a model has to work."""

from eagle_mllm import connecting
from eagle_mllm.attribution.segmentation import segment
from eagle_mllm.datasets.registry import open_data
from eagle_mllm.engines.estimate import Plan, estimate
from eagle_mllm.runs.config import RunConfig
from eagle_mllm.runs.runner import selected_of


def planned(config: RunConfig) -> Plan:
    """How many images a run would score and, of a served model, what it would send.

    Every sample is taken to be like the first one, and every answer as long as it may be; samples
    that have an outcome already are not subtracted.

    Args:
        config: what would be done

    Raises:
        EagleError: the data set or the server cannot be used
    """
    resolved = config.resolved()
    method, cut = resolved.method.make(), resolved.regions
    data = open_data(resolved.data.set, **resolved.data.settings)
    samples = selected_of(data, resolved.run)
    passes = method.planned_passes(cut.count)
    server = resolved.model.serving
    if server is None:
        return Plan(passes=passes * len(samples))
    image, prompt = samples[0].image.read(), samples[0].prompt
    cost = estimate(
        connecting.untried(server, model=resolved.model.id),
        image,
        prompt,
        segment(image, method=cut.method, n_regions=cut.count),
        fill=method.fill,
        passes=passes,
        answer_tokens=resolved.run.max_new_tokens,
    )
    return Plan(passes=passes * len(samples), cost=cost.times(len(samples)))
