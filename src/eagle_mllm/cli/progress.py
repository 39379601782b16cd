"""What a waiting person sees, on stderr: the current step, passes done and planned, time left."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

from eagle_mllm.attribution.question import OnProgress
from eagle_mllm.attribution.search.base import Order
from eagle_mllm.engines.usage import Usage
from eagle_mllm.printable import printable

OnPass = Callable[[int], None]

_LEADING = 4
"""How many regions are named."""


class PassProgress:
    """Steps and passes on a terminal; silent when quiet, or when stderr is not a terminal."""

    def __init__(self, *, quiet: bool) -> None:
        """Draw on stderr, if it is a terminal.

        Args:
            quiet: draw nothing at all
        """
        self._console = Console(stderr=True, highlight=False)
        self.visible = not quiet and self._console.is_terminal
        self._describe: Callable[[str], None] = lambda _text: None

    def note(self, text: str) -> None:
        """Print one line that stays, for steps during which a library draws bars of its own."""
        if self.visible:
            self._console.print(printable(text), markup=False, style="dim")

    @contextmanager
    def step(self, label: str) -> Iterator[None]:
        """Show that a step of unknown length is under way."""
        if not self.visible:
            yield
            return
        with self._console.status(label):
            yield

    @contextmanager
    def passes(self, label: str, *, planned: int, usage: Usage | None = None) -> Iterator[OnPass]:
        """Show how many of the planned images are scored.

        Args:
            label: the text before the bar
            planned: how many images will probably be scored
            usage: of a served model, whose requests are shown too

        Yields:
            A function that takes the number of images scored so far.
        """
        progress = Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[sent]}"),
            TimeElapsedColumn(),
            TextColumn("elapsed,"),
            TimeRemainingColumn(),
            TextColumn("left"),
            console=self._console,
            transient=True,
            disable=not self.visible,
            redirect_stdout=False,
            redirect_stderr=False,
        )
        with progress:
            task = progress.add_task(printable(label), total=planned, sent=_sent(usage))
            self._describe = lambda text: progress.update(task, description=printable(text))

            def on_pass(done: int) -> None:
                # A search that decides as it goes may need more than it planned.
                progress.update(task, completed=done, total=max(done, planned), sent=_sent(usage))

            yield on_pass

    def leading(self, label: str, *, then: OnProgress) -> OnProgress:
        """Shows in the bar of `passes` which regions lead the order, as they settle.

        Args:
            label: the text before the bar
            then: what else is to be done with each order
        """

        def on_progress(order: Order, passes: int) -> None:
            then(order, passes)
            first = " ".join(map(str, order[:_LEADING]))
            self._describe(f"{label}: regions {first}")

        return on_progress


def _sent(usage: Usage | None) -> str:
    """The unit of the bar, and how many requests there were: kept scores need none."""
    return "passes," if usage is None else f"passes, {usage.requests:,} requests,"
