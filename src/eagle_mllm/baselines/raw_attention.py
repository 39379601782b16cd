"""Raw attention: where the rows that write the target look, heads and middle layers averaged."""

from dataclasses import dataclass

import numpy as np

from eagle_mllm.arrays import Saliency
from eagle_mllm.attribution.question import Question
from eagle_mllm.attribution.white_box import white_box_of
from eagle_mllm.baselines.map_method import MapMethod, up_to_one
from eagle_mllm.errors import SettingError


@dataclass(frozen=True, kw_only=True)
class RawAttention(MapMethod):
    """Attention of the target's tokens over the image tokens, as LVLM-Interpret shows it.

    See https://arxiv.org/abs/2404.03118. The row of a token is that of the position which
    predicts it. Only these rows are computed, from queries and keys, so that a model need not be
    switched to eager attention.

    Raises:
        SettingError: the layers are not a part of the depth
    """

    first: float = 0.25
    """Where the layers begin, as a share of the depth."""

    last: float = 0.75
    """Where they end."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 0 <= self.first < self.last <= 1:
            raise SettingError(
                "first and last are shares of the depth with 0 <= first < last <= 1; "
                f"got {self.first!r} and {self.last!r}"
            )

    @property
    def name(self) -> str:
        """The name "raw-attention"."""
        return "raw-attention"

    def map_of(self, question: Question) -> Saliency:
        """The mean over layers, heads and tokens, spread over the pixels."""
        look = white_box_of(question.model, question.generation, question.target)
        start = min(int(self.first * look.n_layers), look.n_layers - 1)
        stop = max(int(self.last * look.n_layers), start + 1)
        weights = look.attention(range(start, stop))
        question.evaluate.add(1)
        return look.to_image(up_to_one(weights.mean(axis=(0, 1), dtype=np.float64)))

    def map_passes(self, n_regions: int) -> int:  # noqa: ARG002
        """See `MapMethod`."""
        return 1
