"""Which engine answers at an address, and which model it serves."""

from collections.abc import Mapping
from typing import Any

from eagle_mllm.engines.engine import Engine
from eagle_mllm.engines.http import Http
from eagle_mllm.engines.llama_cpp import LlamaCpp
from eagle_mllm.engines.settings import EngineChoice
from eagle_mllm.engines.vocabulary import Vocabulary
from eagle_mllm.errors import ModelError, did_you_mean
from eagle_mllm.printable import printable


def find_engine(
    http: Http, model: str | None, *, choice: EngineChoice, vocabulary: Vocabulary | None
) -> tuple[Engine, str]:
    """The engine at an address, and the name of its model.

    Args:
        http: the server
        model: as the server knows it; None for the only one there is
        choice: which engine it is, or "auto"
        vocabulary: of a local checkpoint, if there is one

    Raises:
        ModelError: nobody answers, the server has no such model, or its engine cannot score
    """
    properties = _object(http.find("/props"))
    if choice == "llama.cpp" or (choice == "auto" and "default_generation_settings" in properties):
        return LlamaCpp(http, properties, vocabulary), model or _only_model(http)
    raise ModelError(
        f"the server at {http.url} is none that can score a given answer; serve the model by "
        "llama.cpp (see docs/servers.md)"
    )


def _object(answer: Any) -> Mapping[str, Any]:
    return answer if isinstance(answer, dict) else {}


def _only_model(http: Http) -> str:
    names = model_names(http)
    if len(names) != 1:
        raise ModelError(
            f"the server at {http.url} has {len(names)} models; choose one by its name (model, "
            f"--model): {printable(', '.join(names)):.200}"
        )
    return names[0]


def model_names(http: Http) -> list[str]:
    """The models that a server lists."""
    listed = _object(http.get("/v1/models", tries=2)).get("data")
    entries = listed if isinstance(listed, list) else []
    return [str(entry["id"]) for entry in entries if isinstance(entry, dict) and "id" in entry]


def require_model(http: Http, model: str) -> None:
    """Refuse a name that the server does not list.

    Raises:
        ModelError: it does not
    """
    names = model_names(http)
    if names and model not in names:
        raise ModelError(
            f"the server at {http.url} has no model {model!r:.80}; "
            f"{printable(did_you_mean(model, names)):.200}"
        )
