"""Which tokens of an answer are to be explained."""

from dataclasses import dataclass
from itertools import pairwise

from eagle_mllm.errors import TargetError


@dataclass(frozen=True, kw_only=True)
class Target:
    """The tokens to explain: position t_i in the answer and vocabulary id v_i, i = 1..n.

    Raises:
        TargetError: there are no tokens, ids and positions differ in number, or the positions are
            negative or fall, or name one id twice
    """

    positions: tuple[int, ...]
    """Positions in the answer, counted from 0. They rise, or stay where several ids are asked
    about at one position."""

    ids: tuple[int, ...]
    """The vocabulary id explained at each position."""

    text: str
    """What the target says, for labels."""

    is_counterfactual: bool = False
    """Whether the ids are not those the model wrote (v_i != y_{t_i})."""

    def __post_init__(self) -> None:
        if not self.positions or len(self.positions) != len(self.ids):
            raise TargetError(
                f"a target has {len(self.positions)} positions and {len(self.ids)} ids; "
                "expected as many ids as positions, at least one"
            )
        if self.positions[0] < 0 or any(a > b for a, b in pairwise(self.positions)):
            raise TargetError(
                f"the positions of a target are {self.positions}; expected rising numbers from 0"
            )
        asked = list(zip(self.positions, self.ids, strict=True))
        if len(set(asked)) < len(asked):
            raise TargetError(
                f"the positions of a target are {self.positions} and its ids {self.ids}; expected "
                "rising positions, or other ids at the same one"
            )

    def __len__(self) -> int:
        return len(self.positions)
