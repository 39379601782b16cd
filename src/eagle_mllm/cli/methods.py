"""From the options to a method."""

from dataclasses import dataclass

import typer

from eagle_mllm.attribution.method import AttributionMethod, Eagle
from eagle_mllm.attribution.objective import Objective
from eagle_mllm.cli import method_options
from eagle_mllm.cli.expanding import made_by
from eagle_mllm.errors import SettingError
from eagle_mllm.runs.methods import method_of_table

OURS = Eagle().name


@dataclass(frozen=True, kw_only=True)
class MethodOptions:
    """What a user said about methods, one field for each option; None for what was not said."""

    fill: method_options.Fill = "black"
    ranking: method_options.Ranking = None
    search: method_options.Search = None
    budget: method_options.Budget = None
    insight: method_options.Insight = None
    necessity: method_options.Necessity = None
    scale: method_options.Scale = None
    sensitive: method_options.Sensitive = None

    def method(self, name: str) -> AttributionMethod:
        """The method of a name with the options that it has, in the words of a `[method]` table.

        Raises:
            typer.BadParameter: both weights are 0
            SettingError: there is no such method, or a setting is out of range
        """
        return method_of_table(self._of_eagle() if name == OURS else self._of_another(name))

    def require_used(self, *names: str) -> None:
        """Refuse options that none of the methods has.

        Args:
            names: of the methods

        Raises:
            SettingError: one was given
        """
        for option, is_ours in _IS_OURS.items():
            is_used = any((name == OURS) == is_ours for name in names)
            if getattr(self, option) is not None and not is_used:
                raise SettingError(
                    f"--{option} is an option of {OURS if is_ours else 'other methods'}, not of "
                    f"{', '.join(names)}; leave it out"
                )

    def _of_eagle(self) -> dict[str, object]:
        usual = Objective()
        weights = {
            "insight": usual.insight if self.insight is None else self.insight,
            "necessity": usual.necessity if self.necessity is None else self.necessity,
        }
        try:
            Objective(insight=weights["insight"], necessity=weights["necessity"])
        except SettingError as error:
            hint = "'--insight', '--necessity'"
            raise typer.BadParameter(str(error), param_hint=hint) from error
        search = {"name": self.search or Eagle().search.name, "budget": self.budget}
        return {
            "search": search,
            "objective": {**weights, "scale": self.scale or usual.scale},
            "fill": self.fill,
            "sensitive": self.sensitive,
        }

    def _of_another(self, name: str) -> dict[str, object]:
        ranking = {} if self.ranking is None else {"ranking": self.ranking}
        return {"name": name, "fill": self.fill, **ranking}


_IS_OURS = {
    "search": True,
    "budget": True,
    "insight": True,
    "necessity": True,
    "scale": True,
    "sensitive": True,
    "ranking": False,
}
"""Option → whether EAGLE has it alone, or all others do."""

with_methods = made_by("choice", MethodOptions)
"""A command whose parameter `choice`, a `MethodOptions`, is given by options."""

with_eagle = made_by("choice", MethodOptions, without=["ranking", "sensitive"])
"""The same for a command that explains by EAGLE alone, and all tokens of a target."""
