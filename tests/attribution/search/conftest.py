"""Functions of sets that a reader can work out, as scorers."""

import numpy as np
import pytest


@pytest.fixture(scope="session")
def set_function():
    """Makes a scorer of one token from a function of the set of regions shown."""
    from eagle_mllm.attribution.model import Scorer, SubsetScores

    class SetFunction(Scorer):
        def __init__(self, function):
            self._function = function

        def __call__(self, shown):
            values = [[self._function(frozenset(np.flatnonzero(row).tolist()))] for row in shown]
            return SubsetScores(np.array(values, dtype=np.float32), np.zeros((len(shown), 1), int))

    return SetFunction


@pytest.fixture
def weighted(set_function):
    """Makes a scorer that adds up a weight for each region shown."""
    return lambda weights: set_function(
        lambda chosen: min(1.0, sum(weights[region] for region in chosen))
    )


@pytest.fixture
def cells():
    """Makes a grid of one-pixel regions, numbered row by row."""
    from eagle_mllm.attribution.regions import Regions

    return lambda rows, columns: Regions.from_labels(
        np.arange(rows * columns).reshape(rows, columns)
    )


@pytest.fixture
def lookup(set_function):
    """Makes a scorer with one random probability for each subset."""

    def make(n_regions, rng):
        values = rng.random(2**n_regions)
        return set_function(lambda chosen: values[sum(2**region for region in chosen)])

    return make


@pytest.fixture
def explain():
    """Ranks with a search and replays the order: the trace and the passes it took."""
    from eagle_mllm.attribution.evaluator import SubsetEvaluator
    from eagle_mllm.attribution.objective import Objective
    from eagle_mllm.attribution.trace import trace_of

    def run(search, regions, scorer, objective=None):
        evaluate = SubsetEvaluator(scorer, len(regions))
        ranking = search.rank(regions.layout, evaluate, objective or Objective())
        return trace_of(ranking, evaluate, regions), evaluate.forward_passes

    return run
