"""The templates of the pages."""

from functools import cache

from jinja2 import Environment, PackageLoader, StrictUndefined

from eagle_mllm.report.colors import evidence_color


@cache
def environment() -> Environment:
    """Templates in which whatever an answer contains stays text."""
    made = Environment(
        loader=PackageLoader("eagle_mllm.report.pages"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters["evidence_color"] = evidence_color
    return made
