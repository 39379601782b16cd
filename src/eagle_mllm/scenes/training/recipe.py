"""What is learned when: the settings of a training run, written into its model card."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """Settings of one training run.

    First the vision tower learns to tell what each image token shows (`seeing_steps`); then
    everything learns to caption and to answer (`speaking_steps`), the tokens' labels helping on.
    """

    seed: int = 0
    scenes: int = 30_000
    seeing_steps: int = 500
    seeing_batch: int = 48
    speaking_steps: int = 1_200
    speaking_batch: int = 40
    questions: int = 3
    """VQA questions asked about each picture in a step, and also existence questions."""
    label_weight: float = 0.3
    matrix_rate: float = 0.02
    """Peak learning rate of Muon, for the matrices of the layers."""
    other_rate: float = 2e-3
    """Peak learning rate of AdamW, for embeddings, norms and biases."""
    speaking_rate: float = 0.5
    """Both peaks of the second phase, as a share of those of the first."""
    warmup: int = 100
    precision: str = "bfloat16"
    """Autocast dtype while learning; weights and optimiser stay float32."""

    stop: int | None = None
    """End at this step, before the rates reach zero. A model that never errs cannot
    show hallucinations."""

    @property
    def steps(self) -> int:
        """The steps of both phases that are done."""
        planned = self.seeing_steps + self.speaking_steps
        return planned if self.stop is None else min(self.stop, planned)


SMOKE = Recipe(
    scenes=64, seeing_steps=10, seeing_batch=8, speaking_steps=10, speaking_batch=4, warmup=4
)
"""A run of twenty steps that only shows that everything works."""
