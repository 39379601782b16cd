"""One pass over an annotation file: good rows become samples, bad ones become problems."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from eagle_mllm.datasets.dataset import DataSet, fingerprint
from eagle_mllm.datasets.images import ImageFolder
from eagle_mllm.datasets.problems import Place, Problem, ProblemKind
from eagle_mllm.datasets.sample import Sample
from eagle_mllm.errors import DataError


class Row(BaseModel):
    """What a row must hold; whatever else it holds is ignored."""

    model_config = ConfigDict(frozen=True, allow_inf_nan=False)


AnyRow = TypeVar("AnyRow", bound=Row)


class Reading:
    """An annotation file, and what has been made of it so far.

    Raises:
        DataError: The file cannot be read.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.data = read_bytes(path)
        self._samples: dict[str, Sample] = {}
        self._problems: list[Problem] = []

    def text(self) -> str:
        """The whole file as text.

        Raises:
            DataError: It is not UTF-8.
        """
        try:
            return self.data.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            raise DataError(f"cannot read {self.path}: it is not UTF-8 text ({error})") from error

    def json(self) -> Any:
        """The whole file as one JSON document.

        Raises:
            DataError: It is not JSON.
        """
        try:
            return json.loads(self.text())
        except json.JSONDecodeError as error:
            raise DataError(
                f"{self.path}:{error.lineno}: is not JSON ({error.msg}); fetch or export it again"
            ) from error
        except RecursionError as error:
            raise DataError(f"{self.path}: nests too deep for JSON; fetch it again") from error

    def lines(self) -> Iterator[tuple[Place, Any]]:
        """Each line as a JSON document; lines that are none become problems."""
        for number, line in enumerate(self.data.split(b"\n"), 1):
            place = Place(file=str(self.path), line=number)
            if not line.strip():
                continue
            try:
                value = json.loads(line)
            except (RecursionError, ValueError) as error:
                self.note("malformed row", place, f"is not JSON ({error})")
            else:
                yield place, value

    def array(self, document: Any, key: str | None = None) -> Iterator[tuple[Place, Any]]:
        """The entries of a JSON list, or of the list under a key of an object.

        Raises:
            DataError: There is no such list.
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

    def finish(self, name: str, *, images: ImageFolder, counts: Mapping[str, int]) -> DataSet:
        """Everything that was read."""
        return DataSet(
            name=name,
            samples=tuple(self._samples.values()),
            problems=(*self._problems, *images.problems()),
            fingerprint=fingerprint([self.data], self._samples),
            counts=dict(counts),
        )


def read_bytes(path: Path) -> bytes:
    """The content of a file.

    Raises:
        DataError: It cannot be read.
    """
    try:
        return path.read_bytes()
    except OSError as error:
        raise DataError(
            f"cannot read {path}: {error.strerror or error}; give an annotation file"
        ) from error
