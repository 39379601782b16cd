"""Models by the address of their server.

This file is light: neither torch nor the HTTP client is imported before a server is asked.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from eagle_mllm import loading
from eagle_mllm.attribution.model import Model
from eagle_mllm.attribution.segmentation import segment
from eagle_mllm.engines.asking import Asking
from eagle_mllm.engines.cache import Cache, cache_folder, key_of
from eagle_mllm.engines.detect import find_engine
from eagle_mllm.engines.engine import Engine
from eagle_mllm.engines.http import Http
from eagle_mllm.engines.probe import PROMPT, Findings, picture, probed
from eagle_mllm.engines.served import ServedModel
from eagle_mllm.engines.settings import (
    KEY_VARIABLE,
    USUAL_CACHE,
    Concurrency,
    EngineChoice,
    ServerSettings,
)
from eagle_mllm.engines.usage import Usage
from eagle_mllm.engines.vocabulary import Vocabulary
from eagle_mllm.errors import ModelError

_FURTHEST = 0.3
"""Of probabilities: a checkpoint that is further from its server than half precision explains."""

_APART = 0.05
"""Of probabilities: two servers of one model differ by less, also in half precision."""

_N_MASKS = 8
_LONGEST_ANSWER = 16


def connect(
    url: str | Sequence[str],
    *,
    model: str | None = None,
    checkpoint: str | Path | None = None,
    agreement: bool = True,
    engine: EngineChoice = "auto",
    concurrency: Concurrency = "auto",
    timeout: float = 120.0,
    max_requests: int | None = None,
    cache: str | Path | None = USUAL_CACHE,
    key_from: str = KEY_VARIABLE,
) -> ServedModel:
    """Connect to a multimodal language model that somebody serves.

    The server is tried out first: five requests, or one if it was tried out before. What they
    find is in `info.details`, and so in every result.

    Args:
        url: the server's address, as in "http://127.0.0.1:8000"; or several that serve the same
            model: each image and prompt then has one of them for all its scores
        model: the name that the server knows it by; not needed where it has only one
        checkpoint: a local folder or hub id of the same model, for exact token ids and to
            compare; without it the server's own ids are taken
        agreement: whether the checkpoint's weights are loaded once, to compare probabilities on 8
            hidden versions of an image. A difference above 0.3 is refused
        engine: "llama.cpp", "vllm", "vllm-tokens" (vLLM's route for exact ids), "sglang", or
            "openai" for any other that speaks OpenAI's chat completions, which can explain the
            first token of an answer only; "auto" asks the server which it is
        concurrency: requests at once; "auto" is what suits the engine
        timeout: seconds that an answer may take
        max_requests: the most scoring and answering requests that may be sent, tries again
            included; None for any number
        cache: the folder in which scores are kept, so that an explanation that is interrupted or
            repeated pays nothing twice; "auto" is `eagle-mllm` in the user's cache folder, None
            keeps none
        key_from: the environment variable that holds the server's key, if it wants one. The key is
            written nowhere

    Raises:
        SettingError: a setting is unknown or out of range
        ModelError: nobody answers, there is no such model, or it cannot be scored: no
            log-probabilities, other tokens than ours, images that do not reach it
        MissingDependency: httpx is not installed
        ResultError: the cache cannot be used
    """
    settings = ServerSettings(
        urls=(url,) if isinstance(url, str) else tuple(url),
        checkpoint=None if checkpoint is None else str(checkpoint),
        agreement=agreement,
        engine=engine,
        concurrency=concurrency,
        timeout=timeout,
        max_requests=max_requests,
        cache=None if cache is None else str(cache),
        key_from=key_from,
    )
    return connect_by(settings, model=model)


def from_vllm(llm: Any, *, checkpoint: str | Path, name: str | None = None) -> ServedModel:
    """A model that vLLM runs in this process.

    Args:
        llm: a `vllm.LLM` that has loaded the model
        checkpoint: the local folder or hub id that it has loaded, for tokens
        name: what results call the model; by default the checkpoint

    Raises:
        ModelError: it cannot be scored
    """
    from vllm import SamplingParams

    from eagle_mllm.engines.vllm_offline import VllmOffline

    called = name or str(checkpoint)
    engine = VllmOffline(llm, called, _vocabulary(str(checkpoint)), SamplingParams)
    cache = Cache(None)
    findings = probed(engine, cache, (called,), is_reached=True)
    return ServedModel(
        [Asking(engine=engine, cache=cache, model=(called,))],
        name=called,
        details=_details(engine, [findings]),
        concurrency=engine.concurrency,
        usage=Usage(),
    )


def connect_by(settings: ServerSettings, *, model: str | None) -> ServedModel:
    """See `connect`.

    Args:
        settings: where the model is served, and how it is asked
        model: the name that the server knows it by
    """
    link = _Link(settings)
    tried = [link.tried(url, model) for url in settings.urls]
    _require_one_model([one.findings for one in tried], settings.urls)
    engine = tried[0].asking.engine
    served = ServedModel(
        [one.asking for one in tried],
        name=tried[0].name,
        details=_details(engine, [one.findings for one in tried]),
        concurrency=engine.concurrency if settings.concurrency == "auto" else settings.concurrency,
        usage=link.usage,
    )
    if settings.checkpoint is None or not settings.agreement:
        return served
    distance = _agreement(served, settings.checkpoint, link.cache, tried[0].asking.model)
    return served.with_details(agreement=f"{distance:.2g}")


def untried(settings: ServerSettings, *, model: str | None) -> ServedModel:
    """The model of a server that was only asked who it is, to see what it would cost.

    Args:
        settings: where the model is served, and how it is asked
        model: the name that the server knows it by
    """
    link = _Link(settings)
    engine, name = link.found(link.http(settings.urls[0]), model)
    return ServedModel(
        [Asking(engine=engine, cache=Cache(None), model=())],
        name=name,
        details={},
        concurrency=1,
        usage=link.usage,
    )


@dataclass(frozen=True, kw_only=True)
class _Tried:
    """A server that was tried out."""

    asking: Asking
    name: str
    findings: Findings


class _Link:
    """What the servers of one model share."""

    def __init__(self, settings: ServerSettings) -> None:
        self.settings = settings
        self.cache = Cache(cache_folder(settings.cache))
        self.usage = Usage(max_requests=settings.max_requests)
        place = settings.checkpoint
        self.vocabulary = None if place is None else _vocabulary(place)

    def http(self, url: str) -> Http:
        """The client of a server."""
        return Http(
            url,
            key_from=self.settings.key_from,
            timeout=self.settings.timeout,
            usage=self.usage,
            memory=self.cache,
        )

    def found(self, http: Http, model: str | None) -> tuple[Engine, str]:
        """The engine at an address, and the name of its model."""
        return find_engine(
            http,
            model,
            choice=self.settings.engine,
            vocabulary=self.vocabulary,
            cache=self.cache,
        )

    def tried(self, url: str, model: str | None) -> _Tried:
        """Find the engine at an address, and try it out."""
        http = self.http(url)
        is_reached = http.is_reached()
        engine, name = self.found(http, model)
        known = (engine.name, engine.version, name, *map(str, sorted(engine.identity.items())))
        findings = probed(engine, self.cache, known, is_reached=is_reached)
        asking = Asking(engine=engine, cache=self.cache, model=(*known, str(findings.turn)))
        return _Tried(asking=asking, name=name, findings=findings)


def _details(engine: Engine, findings: Sequence[Findings]) -> dict[str, str]:
    """What results say of an engine."""
    details = {
        "ids": engine.vocabulary.source,
        "noise": f"{max(found.noise for found in findings):.2g}",
        "images": "png",
        **engine.notes,
    }
    return details if engine.tested else {**details, "tested": "no"}


def _vocabulary(checkpoint: str) -> Vocabulary:
    from eagle_mllm.engines.checkpoint import CheckpointVocabulary

    family, ends = loading.load_family(checkpoint)
    return CheckpointVocabulary(family, ends)


def _require_one_model(findings: Sequence[Findings], urls: Sequence[str]) -> None:
    first, *others = (np.array(found.fingerprint) for found in findings)
    for url, other in zip(urls[1:], others, strict=True):
        if len(first) != len(other) or np.abs(first - other).max() > _APART:
            raise ModelError(
                f"the servers at {urls[0]} and {url} serve different models: equal requests get "
                "other probabilities; give servers of one model"
            )


def _agreement(served: ServedModel, checkpoint: str, cache: Cache, known: Sequence[str]) -> float:
    """The largest difference of a probability between a server and the checkpoint, loaded here.

    Raises:
        ModelError: it is so large that the server serves something else
    """
    key = key_of("agreement", list(known), checkpoint)
    distance = cache.get(key)
    if distance is None:
        distance = _measured(served, loading.load_model(checkpoint, pixels="processor"))
        cache.put(key, distance)
    if distance > _FURTHEST:
        raise ModelError(
            f"the server is not the checkpoint {checkpoint}: probabilities differ by "
            f"{distance:.2g}; serve that checkpoint by an engine that keeps its vision part as it "
            "is, or connect without it"
        )
    return float(distance)


def _measured(served: ServedModel, local: Model) -> float:
    image = picture()
    generation = local.generate(image, PROMPT, max_new_tokens=_LONGEST_ANSWER)
    first = served.first_token_only
    target = generation.at(0) if first else generation.all(include_eos=True)
    regions = segment(image, method="grid", n_regions=16)
    shown = np.random.default_rng(0).random((_N_MASKS, len(regions))) < 0.5
    shown[0], shown[-1] = True, False
    ours, theirs = (
        model.scorer(generation, target, regions)(shown).probability for model in (local, served)
    )
    return float(np.abs(ours - theirs).max())
