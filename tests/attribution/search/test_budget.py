"""F with a memory and a purse."""

import numpy as np

from eagle_mllm.attribution.evaluator import SubsetEvaluator
from eagle_mllm.attribution.objective import Objective
from eagle_mllm.attribution.search.budget import ObjectiveValues


def test_f_is_that_of_the_objective(set_function):
    scorer = set_function(lambda chosen: 0.25 * len(chosen))
    values = ObjectiveValues(SubsetEvaluator(scorer, 4), Objective(insight=2.0, necessity=1.0))
    # p(S) = 1/4 and p(V∖S) = 3/4: 2 · 1/4 + 1 − 3/4
    assert values(np.array([[True, False, False, False]])).tolist() == [0.75]


def test_a_subset_and_its_complement_are_paid_for_once(lookup, rng):
    evaluate = SubsetEvaluator(lookup(4, rng), 4)
    values = ObjectiveValues(evaluate, Objective())
    shown = np.array([[True, False, False, True], [False, True, True, False]])
    values(shown)
    values(shown[::-1])
    assert values.spent == evaluate.forward_passes == 2


def test_what_is_affordable_is_what_new_subsets_cost(lookup, rng):
    values = ObjectiveValues(SubsetEvaluator(lookup(4, rng), 4), Objective())
    shown = np.eye(4, dtype=bool)
    values(shown[:1])
    assert values.affordable(shown, limit=2) == 1  # the first is known
    assert values.affordable(shown, limit=5) == 2
    assert values.affordable(shown, limit=8) == 4
    assert values.affordable(~shown, limit=2) == 1  # a complement is the same two images
