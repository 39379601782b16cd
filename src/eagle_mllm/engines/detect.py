"""Which engine answers at an address, and which model it serves."""

from collections.abc import Mapping
from typing import Any

from eagle_mllm.engines.cache import Cache
from eagle_mllm.engines.engine import Engine
from eagle_mllm.engines.http import Http
from eagle_mllm.engines.llama_cpp import LlamaCpp
from eagle_mllm.engines.openai_compatible import OpenAICompatible
from eagle_mllm.engines.settings import EngineChoice
from eagle_mllm.engines.sglang import SGLang
from eagle_mllm.engines.vllm_chat import VllmChat
from eagle_mllm.engines.vllm_tokens import VllmTokens
from eagle_mllm.engines.vocabulary import Vocabulary
from eagle_mllm.errors import ModelError, did_you_mean
from eagle_mllm.printable import printable


def find_engine(
    http: Http,
    model: str | None,
    *,
    choice: EngineChoice,
    vocabulary: Vocabulary | None,
    cache: Cache,
) -> tuple[Engine, str]:
    """The engine at an address, and the name of its model.

    Args:
        http: the server
        model: as the server knows it; None for the only one there is
        choice: which engine it is, or "auto"
        vocabulary: of a local checkpoint, if there is one
        cache: what an engine may keep

    Raises:
        ModelError: nobody answers, the server has no such model, or its engine cannot score
        SettingError: the engine needs a checkpoint and has none
    """
    kind = _kind(http) if choice == "auto" else choice
    if kind == "llama.cpp":
        # It serves one model, takes any name for it, and lists it by the path of its file.
        name = model or _named(http, None).replace("\\", "/").rsplit("/", 1)[-1]
        return LlamaCpp(http, _object(http.get("/props", tries=2)), vocabulary), name
    name = _named(http, model)
    if kind in _VLLM:
        version = str(_object(http.find("/version")).get("version", "unknown"))
        entry = _entries(http).get(name, {})
        new = _VLLM[kind]
        return new(http, name, version=version, entry=entry, vocabulary=vocabulary), name
    if kind == "sglang":
        asked = (_object(http.find(path)) for path in ("/get_server_info", "/get_model_info"))
        return SGLang(http, {**next(asked), **next(asked)}, vocabulary), name
    return OpenAICompatible(http, name, cache), name


def _kind(http: Http) -> str:
    """Which engine it is, by what only that one answers."""
    if "default_generation_settings" in _object(http.find("/props")):
        return "llama.cpp"
    if "model_path" in _object(http.find("/get_model_info")):
        return "sglang"
    if "version" in _object(http.find("/version")):
        return "vllm"
    return "openai"


def _object(answer: Any) -> Mapping[str, Any]:
    return answer if isinstance(answer, dict) else {}


def _named(http: Http, model: str | None) -> str:
    """The model of this name, or the only one.

    Raises:
        ModelError: there is none, or there are several to choose from
    """
    names = list(_entries(http))
    if model is None and len(names) == 1:
        return names[0]
    if model is None:
        raise ModelError(
            f"the server at {http.url} has {len(names)} models; choose one by its name (model, "
            f"--model): {printable(', '.join(names)):.200}"
        )
    if names and model not in names:
        raise ModelError(
            f"the server at {http.url} has no model {model!r:.80}; "
            f"{printable(did_you_mean(model, names)):.200}"
        )
    return model


def _entries(http: Http) -> dict[str, Mapping[str, Any]]:
    """The models that a server lists, by name."""
    listed = _object(http.find("/v1/models")).get("data")
    entries = listed if isinstance(listed, list) else []
    return {str(one["id"]): one for one in entries if isinstance(one, dict) and "id" in one}


_VLLM: dict[str, type[VllmChat]] = {"vllm": VllmChat, "vllm-tokens": VllmTokens}
