"""One pass over an annotation file: good rows become samples, bad ones become problems."""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import wraps
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from eagle_mllm.borders import border, file_bytes, reason
from eagle_mllm.datasets.dataset import DataSet, fingerprint
from eagle_mllm.datasets.images import ImageFolder
from eagle_mllm.datasets.problems import Place, Problem, ProblemKind
from eagle_mllm.datasets.sample import Sample
from eagle_mllm.errors import DataError, ImageError

# The annotations of COCO's training split take half a gigabyte.
_MOST_BYTES = 1 << 32
_BROKEN = "fetch or export it again"


class Row(BaseModel):
    """What a row must hold; whatever else it holds is ignored."""

    model_config = ConfigDict(frozen=True, allow_inf_nan=False)


AnyRow = TypeVar("AnyRow", bound=Row)
Settings = ParamSpec("Settings")


def reader(read: Callable[Settings, DataSet]) -> Callable[Settings, DataSet]:
    """A function that reads a data set, behind a border that only errors of ours pass.

    Args:
        read: the function; its first argument is the path
    """

    @wraps(read)
    def bordered(*args: Settings.args, **settings: Settings.kwargs) -> DataSet:
        path = args[0] if args else settings.get("path")
        with border(DataError, f"cannot read {path}", advice=_BROKEN):
            return read(*args, **settings)

    return bordered


class Reading:
    """An annotation file, and what has been made of it so far.

    Raises:
        DataError: the file cannot be read
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.data = read_bytes(path)
        self._samples: dict[str, Sample] = {}
        self._problems: list[Problem] = []

    def text(self) -> str:
        """The whole file as text.

        Raises:
            DataError: it is not UTF-8
        """
        try:
            return self.data.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            raise DataError(
                f"cannot read {self.path}: it is not UTF-8 text ({error}); save it as UTF-8"
            ) from error

    def json(self) -> Any:
        """The whole file as one JSON document.

        Raises:
            DataError: it is not JSON
        """
        text = self.text()
        with border(DataError, f"cannot read {self.path}", advice=_BROKEN):
            try:
                return json.loads(text)
            except json.JSONDecodeError as error:
                raise DataError(
                    f"{self.path}:{error.lineno}: is not JSON ({error.msg}); {_BROKEN}"
                ) from error

    def rows(self) -> Iterator[tuple[Place, Any]]:
        """The rows of JSON Lines, or of one JSON list.

        Raises:
            DataError: the file is one JSON object of another kind
        """
        start = self.data.removeprefix(b"\xef\xbb\xbf").lstrip()[:1]
        document = self._document() if start in (b"[", b"{") else None
        if isinstance(document, list):
            return self.array(document)
        if document is not None and b"\n" in self.data.strip():
            raise DataError(
                f"{self.path}: is one JSON object over several lines; expected a JSON object in "
                "each line, or a list of them"
            )
        return self.lines()

    def _document(self) -> Any:
        """The file as one JSON document; None if it is something else."""
        try:
            return json.loads(self.data)
        except (MemoryError, RecursionError, ValueError):
            return None

    def lines(self) -> Iterator[tuple[Place, Any]]:
        """Each line as a JSON document; lines that are none become problems."""
        for number, line in enumerate(self.data.split(b"\n"), 1):
            place = Place(file=str(self.path), line=number)
            if not line.strip():
                continue
            try:
                value = json.loads(line)
            except (MemoryError, RecursionError, ValueError) as error:
                self.note("malformed row", place, f"is not JSON ({reason(error)})")
            else:
                yield place, value

    def array(self, document: Any, key: str | None = None) -> Iterator[tuple[Place, Any]]:
        """The entries of a JSON list, or of the list under a key of an object.

        Raises:
            DataError: there is no such list
        """
        values = document
        if key is not None:
            values = document.get(key) if isinstance(document, Mapping) else None
        if not isinstance(values, list):
            what = "a list" if key is None else f"an object with a list {key!r}"
            raise DataError(f"{self.path}: expected {what}; is it another data set's file?")
        for index, value in enumerate(values):
            yield Place(file=str(self.path), entry=f"{key or ''}[{index}]"), value

    def row(self, kind: type[AnyRow], value: Any, *, at: Place) -> AnyRow | None:
        """The checked row; None, and noted, if it is malformed."""
        try:
            return kind.model_validate(value)
        except ValidationError as error:
            first = error.errors(include_url=False)[0]
            field = ".".join(str(part) for part in first["loc"])
            self.note("malformed row", at, f"{field}: {first['msg']}" if field else first["msg"])
            return None

    @contextmanager
    def one_row(self, place: Place) -> Iterator[None]:
        """What goes wrong in here is noted, and costs this row alone."""
        try:
            yield
        except ImageError as error:
            self.note("unreadable image", place, str(error), "put a whole image there")
        except Exception as error:  # nothing that one row holds may end the data set
            self.note("malformed row", place, reason(error))

    def note(
        self, kind: ProblemKind, place: Place, what: str, advice: str = "correct or remove it"
    ) -> None:
        """Remember a problem."""
        self._problems.append(Problem(kind=kind, place=place, what=what, advice=advice))

    def add(self, sample: Sample, *, at: Place) -> None:
        """Take a sample in, unless one of its id is there already."""
        if sample.id in self._samples:
            self.note("repeated sample", at, f"repeats the sample {sample.id!r}", "remove it")
        else:
            self._samples[sample.id] = sample

    def finish(
        self,
        name: str,
        *,
        images: ImageFolder,
        counts: Mapping[str, int],
        beside: Sequence[bytes] = (),
    ) -> DataSet:
        """Everything that was read.

        Args:
            name: of the data set
            images: where its images are
            counts: how many rows there are of each kind
            beside: the content of other files that belong to it
        """
        return DataSet(
            name=name,
            samples=tuple(self._samples.values()),
            problems=(*self._problems, *images.problems()),
            fingerprint=fingerprint([self.data, *beside], self._samples),
            counts=dict(counts),
        )


def read_bytes(path: Path) -> bytes:
    """The content of an annotation file, up to 4 GiB.

    Raises:
        DataError: it cannot be read
    """
    with border(DataError, f"cannot read {path}", advice="give an annotation file"):
        return file_bytes(path, limit=_MOST_BYTES)
