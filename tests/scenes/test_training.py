"""The training recipe: what is learned is exactly what will be asked, and nothing is lost."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from transformers import AutoImageProcessor

from eagle_mllm.errors import ModelError
from eagle_mllm.scenes import scene
from eagle_mllm.scenes.training import loop
from eagle_mllm.scenes.training.accuracy import examine, load_learner
from eagle_mllm.scenes.training.checkpoint import habits_table, write_checkpoint
from eagle_mllm.scenes.training.corpus import GRID, Turn, load_corpus, training_turns
from eagle_mllm.scenes.training.demo_models import DEMO_MODELS, LLAVA, DemoModel
from eagle_mllm.scenes.training.learner import Learner
from eagle_mllm.scenes.training.packing import IGNORED, TurnEncoder, pack
from eagle_mllm.scenes.training.recipe import SMOKE
from eagle_mllm.scenes.world import COLOURS, SHAPES, SIZES

TINY = replace(
    SMOKE, scenes=8, seeing_steps=3, seeing_batch=2, speaking_steps=3, speaking_batch=2, questions=1
)


@pytest.fixture(scope="module")
def corpus_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("corpus")
    load_corpus(folder, TINY.scenes)
    return folder


@pytest.fixture(scope="module", params=DEMO_MODELS.values(), ids=list(DEMO_MODELS))
def learner(request: pytest.FixtureRequest) -> tuple[Learner, TurnEncoder]:
    torch.manual_seed(0)
    demo: DemoModel = request.param
    tokenizer = demo.tokenizer()
    encoder = TurnEncoder(demo, tokenizer)
    return Learner(demo, demo.build(tokenizer), encoder.prefix).eval(), encoder


def test_tokenizers_give_back_what_they_get(learner: tuple[Learner, TurnEncoder]) -> None:
    tokenizer = learner[1].tokenizer
    for text in (scene(4).caption, "naïve 图 🙂 butterfly", "Yes."):
        assert tokenizer.decode(tokenizer(text).input_ids, skip_special_tokens=True) == text
    words = tokenizer.tokenize("a red star above a triangle.")
    assert "".join(words[-3:]).endswith("triangle.")
    assert len(words) == 8


def test_a_packed_turn_is_predicted_as_if_it_stood_alone(
    learner: tuple[Learner, TurnEncoder],
) -> None:
    model, encoder = learner
    example = scene(11, split="train")
    turns = training_turns(example.plan, np.random.default_rng(0), questions=2)
    encoded = [encoder.encode(turn) for turn in turns]
    with torch.no_grad():
        tokens = model.image_tokens(model.demo.pixels([np.asarray(example.image)]))
        together = pack(encoder.prefix, [[(turn, 1.0) for turn in encoded]], pad_id=0)
        all_logits = model.speak(tokens, together).logits
        alone = [pack(encoder.prefix, [[(turn, 1.0)]], pad_id=0) for turn in encoded]
        one_by_one = torch.cat([model.speak(tokens, packed).logits for packed in alone])
    assert torch.allclose(all_logits, one_by_one, atol=1e-4)


def test_a_packed_turn_is_predicted_as_transformers_predicts_it(
    learner: tuple[Learner, TurnEncoder],
) -> None:
    model, encoder = learner
    example = scene(12)
    turn = encoder.encode(Turn("Where is the star?", "The star is at the top left.", 1.0))
    seen = model.demo.pixels([np.asarray(example.image)])
    ids = torch.tensor([encoder.prefix.ids + turn.ids])
    extra = {}
    if seen.grid is not None:
        kinds = (ids == model.model.config.image_token_id).int()
        extra = {"image_grid_thw": seen.grid, "mm_token_type_ids": kinds}
    with torch.no_grad():
        whole = model.model(input_ids=ids, pixel_values=seen.values, **extra).logits[0]
        packed = pack(encoder.prefix, [[(turn, 1.0)]], pad_id=0)
        ours = model.speak(model.image_tokens(seen), packed).logits
    assert torch.allclose(whole[-turn.n_answer - 1 : -1], ours, atol=1e-4)


def test_only_answers_are_learned(learner: tuple[Learner, TurnEncoder]) -> None:
    encoder = learner[1]
    turn = encoder.encode(Turn("Is there a star in the image?", "Yes.", 1.0))
    packed = pack(encoder.prefix, [[(turn, 2.0)]], pad_id=0)
    learned = packed.targets[packed.targets != IGNORED]
    tokenizer = encoder.tokenizer
    assert tokenizer.decode(learned, skip_special_tokens=True).strip() == "Yes."
    assert learned[-1] == tokenizer.eos_token_id
    assert packed.weights.sum() == 2.0 * len(learned)


def test_token_labels_name_the_object_under_them(corpus_folder: Path) -> None:
    corpus = load_corpus(corpus_folder, TINY.scenes)
    example = scene(2, split="train")
    assert np.array_equal(corpus.images[2], np.asarray(example.image))
    for thing in example.objects:
        row, column = np.argwhere(thing.mask).mean(axis=0) // (224 / GRID)
        if thing.mask.reshape(8, 28, 8, 28).mean(axis=(1, 3))[int(row), int(column)] < 0.12:
            continue
        assert corpus.labels[2, int(row), int(column)].tolist() == [
            1 + SHAPES.index(thing.shape),
            1 + list(COLOURS).index(thing.colour),
            1 + list(SIZES).index(thing.size),
        ]
    assert (corpus.labels[2] == 0).any()


@pytest.mark.parametrize("demo", DEMO_MODELS.values(), ids=list(DEMO_MODELS))
def test_twenty_steps_make_a_checkpoint_that_loads(
    demo: DemoModel, tmp_path: Path, corpus_folder: Path
) -> None:
    trained = loop.train(demo, TINY, folder=tmp_path, corpus_folder=corpus_folder)
    entries = [json.loads(line) for line in (tmp_path / "log.jsonl").read_text().splitlines()]
    assert [entry["step"] for entry in entries] == [0, TINY.steps - 1]
    assert all(np.isfinite(entry["seen"]) for entry in entries)
    folder = tmp_path / "checkpoint"
    accuracy = write_checkpoint(trained, TINY, folder, n_scenes=2)
    assert accuracy == examine(*load_learner(folder, demo), n_scenes=2)
    assert accuracy.existence_questions == 16
    assert f"`{demo.name}`" in (folder / "README.md").read_text()
    images = [np.asarray(scene(seed).image) for seed in range(3)]
    processor = AutoImageProcessor.from_pretrained(folder, backend="pil")
    values = torch.as_tensor(np.asarray(processor(images, return_tensors="np")["pixel_values"]))
    assert torch.allclose(values, demo.pixels(images).values, atol=1e-5)


def test_a_stopped_run_goes_on_and_ends_the_same(tmp_path: Path, corpus_folder: Path) -> None:
    whole = loop.train(LLAVA, TINY, folder=tmp_path / "whole", corpus_folder=corpus_folder)
    stopped = tmp_path / "stopped"
    original = loop._step

    def stop_at_four(*args: object, step: int) -> dict[str, float]:
        if step == 4:
            raise KeyboardInterrupt
        return original(*args, step=step)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(loop, "_step", stop_at_four)
        with pytest.raises(KeyboardInterrupt):
            loop.train(LLAVA, TINY, folder=stopped, corpus_folder=corpus_folder, save_every=2)
    resumed = loop.train(LLAVA, TINY, folder=stopped, corpus_folder=corpus_folder, save_every=2)
    for name, weight in whole.learner.state_dict().items():
        assert torch.equal(weight, resumed.learner.state_dict()[name]), name


def test_a_run_folder_refuses_another_recipe(tmp_path: Path, corpus_folder: Path) -> None:
    loop.train(LLAVA, TINY, folder=tmp_path, corpus_folder=corpus_folder)
    with pytest.raises(ModelError, match="another recipe"):
        loop.train(LLAVA, replace(TINY, seed=1), folder=tmp_path, corpus_folder=corpus_folder)


def test_the_documented_habits_are_those_of_the_world() -> None:
    page = Path(__file__).parents[2] / "docs" / "scenes.md"
    assert habits_table() in page.read_text(encoding="utf-8")
