"""The templates of the pages."""

from functools import cache

from jinja2 import Environment, PackageLoader, StrictUndefined

from eagle_mllm.report.colors import evidence_color
from eagle_mllm.report.tokens import clean


@cache
def environment() -> Environment:
    """Templates in which whatever an answer contains stays text that every file can hold."""
    made = Environment(
        loader=PackageLoader("eagle_mllm.report.pages"),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_finalized,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters["evidence_color"] = evidence_color
    return made


def _finalized(value: object) -> object:
    # Markup, which is a kind of str, is ours.
    return clean(value) if type(value) is str else value
