"""How good an explanation is. Every measure is a function of results."""

from eagle_mllm.metrics.correction import corrected_area, corrected_within, is_corrected
from eagle_mllm.metrics.faithfulness import (
    average_highest_score,
    deletion_auc,
    faithfulness_gap,
    insertion_auc,
    sensitive_tokens,
)
from eagle_mllm.metrics.localization import (
    maximum_point,
    pointing_game,
    pointing_game_any_overlap,
)
from eagle_mllm.metrics.relevance import evidence_recovered, relevance_mass, relevance_rank
from eagle_mllm.metrics.reliance import evidence_auroc
from eagle_mllm.metrics.summary import Summary, paired_difference, summarize

__all__ = [
    "Summary",
    "average_highest_score",
    "corrected_area",
    "corrected_within",
    "deletion_auc",
    "evidence_auroc",
    "evidence_recovered",
    "faithfulness_gap",
    "insertion_auc",
    "is_corrected",
    "maximum_point",
    "paired_difference",
    "pointing_game",
    "pointing_game_any_overlap",
    "relevance_mass",
    "relevance_rank",
    "sensitive_tokens",
    "summarize",
]
