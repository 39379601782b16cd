"""The generated world: pictures whose every caption word has known evidence.

`scene(seed)` draws one; `scene_pair(seed)` draws two that differ in one detail. Three small
models of the real architectures, trained on this world with known habits, ship in `checkpoints/`.
"""

from eagle_mllm.scenes.language import CaptionWord, Question
from eagle_mllm.scenes.scene import Scene, SceneObject, ScenePair, scene, scene_pair

__all__ = ["CaptionWord", "Question", "Scene", "SceneObject", "ScenePair", "scene", "scene_pair"]
