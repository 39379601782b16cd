"""Baselines by name, for command lines and configuration files."""

from eagle_mllm.baselines.centre_prior import CentrePrior
from eagle_mllm.baselines.map_method import MapMethod
from eagle_mllm.baselines.random_order import RandomOrder
from eagle_mllm.baselines.single_scan import SingleScan

BASELINES: dict[str, type[MapMethod]] = {
    "random": RandomOrder,
    "centre": CentrePrior,
    "single-scan": SingleScan,
}
"""Name → method; each one's fields are its settings."""
