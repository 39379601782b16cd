"""Words and numbers of a report."""

from dataclasses import replace


def test_facts_tell_model_method_regions_and_cost(cases):
    from eagle_mllm.report.facts import facts_of

    attribution = cases("sentence")
    facts = {fact.name: fact.value for fact in facts_of(attribution)}
    assert facts["Model"] == "planted"
    assert facts["Method"] == "eagle"
    assert facts["Regions"].startswith("20 (labels")
    assert facts["Objective"] == "1 · insight + 1 · necessity"
    assert facts["Forward passes"] == str(attribution.forward_passes)
    assert facts["Time"] == "1.5 s"
    assert "Python" in facts["Software"]


def test_a_result_of_another_program_may_record_nothing(cases):
    from eagle_mllm import report
    from eagle_mllm.report.facts import facts_of

    bare = replace(cases("word"), provenance={})
    assert {fact.name: fact.value for fact in facts_of(bare)}["Model"] == "–"
    assert "EAGLE · –" in report.html(bare)
    odd = replace(cases("word"), provenance={"model": "LLaVA", "settings": [1], "git": None})
    assert report.html(odd) != report.html(bare) or facts_of(odd) == facts_of(bare)


def test_metrics_are_those_of_the_metrics_room(cases):
    from eagle_mllm.metrics.faithfulness import deletion_auc, faithfulness_gap, insertion_auc
    from eagle_mllm.report.facts import metrics_of

    attribution = cases("sentence")
    values = {fact.name: float(fact.value) for fact in metrics_of(attribution)}
    trace = attribution.trace
    assert abs(values["Insertion AUC"] - insertion_auc(trace)) < 1e-3
    assert abs(values["Deletion AUC"] - deletion_auc(trace)) < 1e-3
    assert abs(values["Gap"] - faithfulness_gap(trace)) < 1e-3
    assert abs(values["Evidence"] - attribution.reliance.evidence.mean()) < 1e-3


def test_missing_numbers_are_dashes():
    from eagle_mllm.report.facts import number

    assert number(float("nan")) == "–"
    assert number(0.12345) == "0.123"
    assert number(-0.25) == "−0.250"


def test_durations_are_written_as_people_do():
    from eagle_mllm.report.facts import duration

    written = [duration(seconds) for seconds in (0.0312, 12.34, 59.96, 754.0, 7260.0)]
    assert written == ["31 ms", "12.3 s", "1 min 0 s", "12 min 34 s", "2 h 1 min"]


def test_a_restricted_objective_says_of_how_many_tokens_it_is(cases):
    from eagle_mllm.report.facts import facts_of, notes_of

    attribution = cases("sentence")
    n_tokens = len(attribution.target)
    restricted = replace(
        attribution,
        sensitive=(1,),
        objective=replace(attribution.objective, scale="log-probability"),
    )
    (fact,) = (fact for fact in facts_of(restricted) if fact.name == "Objective")
    assert fact.meaning == f"of log-probability, on 1 sensitive of {n_tokens} tokens"
    for threshold, n_notes in ((0.0, 0), (0.999999, 1)):
        asked = replace(attribution, provenance={"settings": {"sensitive": threshold}})
        assert sum("so sensitive" in note for note in notes_of(asked)) == n_notes
