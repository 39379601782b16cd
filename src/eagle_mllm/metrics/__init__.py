"""How good an explanation is. Every measure is a function of results."""

from eagle_mllm.metrics.faithfulness import (
    average_highest_score,
    deletion_auc,
    faithfulness_gap,
    insertion_auc,
    sensitive_tokens,
)
from eagle_mllm.metrics.localization import maximum_point, pointing_game

__all__ = [
    "average_highest_score",
    "deletion_auc",
    "faithfulness_gap",
    "insertion_auc",
    "maximum_point",
    "pointing_game",
    "sensitive_tokens",
]
