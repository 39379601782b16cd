"""A run over questions of existence: what is measured of wrong answers, killed and resumed."""

import pytest

from eagle_mllm.runs.store import load_run


@pytest.fixture
def liar(monkeypatch):
    """Every model name loads one that says Yes while it sees the upper left quarter."""
    from eagle_mllm import loading
    from eagle_mllm.testing import Evidence, PlantedModel

    class Liar(PlantedModel):
        def __init__(self):
            yes = Evidence(boxes=[(0, 0, 112, 112)], rival="No")
            super().__init__("Yes.", {"Yes": yes})
            self.stop_at, self.answers = None, 0

        def generate(self, image, prompt, **options):
            self.answers += 1
            if self.answers == self.stop_at:
                raise KeyboardInterrupt
            return super().generate(image, prompt, **options)

    model = Liar()
    monkeypatch.setattr(loading, "load_model", lambda name, **options: model)
    return model


def test_wrong_answers_are_corrected_directly_too(explain, liar):
    run = load_run(explain(task="existence").folder)
    assert run.records
    for record in run.records:  # four regions, the first of which is the cause
        assert record.measures["direct_area"] == pytest.approx(0.25)
        assert record.measures["direct_within_10"] == 0
        assert record.measures["direct_passes"] >= 4
        assert record.measures["direct_area"] <= record.measures["corrected_area"] + 1e-9


def test_a_run_over_wrong_answers_that_was_killed_and_resumed_equals_one_that_was_not(
    explain, liar, results
):
    liar.stop_at = 3
    with pytest.raises(KeyboardInterrupt):
        explain(task="existence")
    tally = explain(task="existence")
    assert tally.failed == 0
    whole = explain(task="existence", out="other")
    assert results(tally.folder) == results(whole.folder)
