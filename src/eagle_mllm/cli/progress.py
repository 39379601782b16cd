"""What a waiting person sees, on stderr: the step at hand, passes done and planned, time left."""

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

from eagle_mllm.printable import printable

OnPass = Callable[[int], None]


class PassProgress:
    """Steps and passes on a terminal; silent when quiet, or when stderr is no terminal."""

    def __init__(self, *, quiet: bool) -> None:
        """Draw on stderr, if somebody watches there."""
        self._console = Console(stderr=True, highlight=False)
        self.visible = not quiet and self._console.is_terminal

    def note(self, text: str) -> None:
        """One line that stays. For steps during which a library below draws bars of its own."""
        if self.visible:
            self._console.print(printable(text), markup=False, style="dim")

    @contextmanager
    def step(self, label: str) -> Iterator[None]:
        """Something of unknown length is going on."""
        if not self.visible:
            yield
            return
        with self._console.status(label):
            yield

    @contextmanager
    def passes(self, label: str, *, planned: int) -> Iterator[OnPass]:
        """Images scored, out of `planned`: the function given takes the number so far."""
        progress = Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("passes,"),
            TimeElapsedColumn(),
            TextColumn("gone,"),
            TimeRemainingColumn(),
            TextColumn("left"),
            console=self._console,
            transient=True,
            disable=not self.visible,
            redirect_stdout=False,
            redirect_stderr=False,
        )
        with progress:
            task = progress.add_task(printable(label), total=planned)

            def on_pass(done: int) -> None:
                # A search that decides as it goes may need more than it planned.
                progress.update(task, completed=done, total=max(done, planned))

            yield on_pass
