"""Measures what docs/hallucination.md says: one JSON line a sample, resumable, then the tables.

    python experiments/hallucination.py probe llava-habit train 0 60
    python experiments/hallucination.py correct llava 0 400
    python experiments/hallucination.py correct llava 0 100 600
    python experiments/hallucination.py caption llava-habit 0 60
    python experiments/hallucination.py cost llava 6
    python experiments/hallucination_tables.py

A line that is there already is not computed again. Models are the demo models and the twins.
"""

import sys
from typing import Any

import numpy as np
from hallucination_captions import caption
from hallucination_costs import cost
from hallucination_lines import RESULTS, add, is_true, load, resumed
from hallucination_rivals import noised, white

import eagle_mllm as eagle
from eagle_mllm.attribution.correction import minimal_correction
from eagle_mllm.attribution.evaluator import SubsetEvaluator
from eagle_mllm.attribution.white_box import white_box_of
from eagle_mllm.errors import TargetError
from eagle_mllm.hallucination.answers import closed_question
from eagle_mllm.hallucination.claims import claims_of
from eagle_mllm.hallucination.diagnosing import seen_areas
from eagle_mllm.hallucination.direct import DirectSearch, Removals, smallest_removal, try_order
from eagle_mllm.hallucination.probing import Prober
from eagle_mllm.hallucination.splitting import Bound, Hidden, split
from eagle_mllm.scenes import scene
from eagle_mllm.scenes.habits import brought_question, planted_cause
from eagle_mllm.scenes.world import CO_OCCURRENCES

CONTROLS = ("blank", "shuffled", "cut")
"""What must destroy a score: without a picture, without its layout, without what is asked about."""


def questions_of(example: Any) -> list[Any]:
    """The existence questions, each once, then one about what each habit brings."""
    brought = [brought_question(habit, example.plan) for habit in CO_OCCURRENCES]
    asked = {q.text: q for q in example.questions if q.kind == "existence"}
    return [q for text, q in asked.items() if text not in {b.text for b in brought}] + brought


# ---- scores of claims ----


def altered(model: Any, generation: Any, control: str) -> Any:
    """The same answer where nothing is left that it could be judged by.

    Args:
        model: which answered
        generation: its answer
        control: "blank" for a black image, "shuffled" for its patches in another order, "cut" for
            a question that names nothing
    """
    image, prompt = generation.image, generation.prompt
    if control == "blank":
        image = np.zeros_like(image)
    elif control == "shuffled":
        image = shuffled(image)
    elif "?" in prompt:
        prompt = "Is there an animal in the image?"
    return model.with_answer(image, prompt, generation.text)


def shuffled(image: np.ndarray, *, patches: int = 8) -> np.ndarray:
    """The image cut into 8 x 8 patches that stand in another order; what is left over stays."""
    height, width = (size // patches for size in image.shape[:2])
    found = image.copy()
    cells = [
        (slice(row * height, (row + 1) * height), slice(column * width, (column + 1) * width))
        for row in range(patches)
        for column in range(patches)
    ]
    for cell, other in zip(cells, np.random.default_rng(0).permutation(len(cells)), strict=True):
        found[cell] = image[cells[other]]
    return found


def probe(name: str, split: str, first: int, last: int, *, depth: str = "fast") -> None:
    """The scores of every claim about some scenes, with the truth.

    Args:
        name: of the model
        split: of the scenes
        first: first scene
        last: behind the last one
        depth: "fast", "thorough" or a control, which is as fast
    """
    path = RESULTS / f"probe-{name}-{split}-{depth}.jsonl"
    model = None
    for key in resumed(path, [str(seed) for seed in range(first, last)]):
        model = model or load(name)
        options = {"split": "train", "biased": False} if split == "train" else {}
        example = scene(int(key), **options)
        image = np.asarray(example.image)
        regions = eagle.segment(image)
        rows = []
        asked = questions_of(example)
        if name == "llava-habit":  # what the habits are about, and some of the others
            asked = asked[-2:] + asked[:3]
        for question in asked:
            generation = model.generate(image, question.text)
            cause = planted_cause(question, example.plan)
            rows += _rows(
                model, generation, regions, depth, example, question=question, cause=cause
            )
        generation = model.generate(image, "Describe the image.")
        rows += _rows(model, generation, regions, depth, example)
        add(path, {"key": key, "rows": rows})


def _rows(
    model: Any,
    generation: Any,
    regions: Any,
    depth: str,
    example: Any,
    *,
    question: Any = None,
    cause: Any = None,
) -> list[dict[str, Any]]:
    try:
        claims = claims_of(generation)
        if depth in CONTROLS:
            generation = altered(model, generation, depth)
            claims = claims_of(generation)
    except eagle.EagleError:
        return []
    prober = Prober(model, generation, claims, regions=regions)
    probes = prober.thorough() if depth == "thorough" else prober.fast()
    rows, mentioned = [], set()
    for claim, found in zip(claims, probes, strict=True):
        if question is None:
            wrong = not is_true(claim.phrase, example)
        else:
            wrong = (claim.verdict == "yes") != (question.answer == "Yes.")
        row: dict[str, Any] = {
            "kind": "word" if question is None else "answer",
            "phrase": claim.phrase,
            "says": claim.verdict,
            "wrong": wrong,
            "habit": None if cause is None else cause.habit.name,
            "brought": question is not None and question in questions_of(example)[-2:],
            "place": claim.target.positions[0],
            "first": claim.text.lower() not in mentioned,
            **{k: round(v, 4) for k, v in found.scores.items()},
        }
        mentioned.add(claim.text.lower())
        row |= {k: round(v, 4) for k, v in white(model, generation, claim).items()}
        if question is not None and depth not in CONTROLS:
            row["noised"] = round(noised(model, generation, claim), 4)
        if found.evidence and cause is not None:
            there = regions.mask(found.evidence)
            trigger = example.objects[cause.trigger].mask
            row["cause_share"] = round(float((there & trigger).sum() / trigger.sum()), 4)
            row["cause_chance"] = round(float(there.mean()), 4)
        rows.append(row)
    return rows


# ---- corrections ----


def correct(name: str, first: int, last: int, *, budget: int) -> None:
    """Every wrong existence answer, corrected by the direct search, the paper's order and controls.

    Args:
        name: of the model
        first: first held-out scene
        last: behind the last one
        budget: images that the search of the paper's order may score; 0 leaves the order out
    """
    path = RESULTS / f"correct-{name}-{'direct' if budget == 0 else 'order'}.jsonl"
    model = None
    for key in resumed(path, [str(seed) for seed in range(first, last)]):
        model = model or load(name)
        example = scene(int(key))
        image = np.asarray(example.image)
        regions = eagle.segment(image)
        rows, asked, unclear = [], questions_of(example), 0
        for question in asked:
            generation = model.generate(image, question.text)
            try:
                closed = closed_question(model, generation, question.answer)
            except TargetError:  # it says neither yes nor no
                unclear += 1
                continue
            if closed is not None:
                cause = planted_cause(question, example.plan)
                trigger = None if cause is None else example.objects[cause.trigger].mask
                rows.append(
                    {
                        "question": question.text,
                        "truth": question.answer,
                        "habit": None if cause is None else cause.habit.name,
                        **corrected(model, generation, closed, regions, budget, trigger),
                    }
                )
        add(path, {"key": key, "asked": len(asked), "unclear": unclear, "rows": rows})


def corrected(
    model: Any, generation: Any, closed: Any, regions: Any, budget: int, trigger: Any
) -> dict[str, Any]:
    """What each way of correcting hides; None where it never corrects."""
    scorer = model.scorer(generation, closed.asked, regions)
    memory = SubsetEvaluator(scorer, len(regions))
    direct, control = memory.summed(closed.groups), memory.summed(closed.groups)
    areas = seen_areas(regions, memory)
    ours = Removals(direct, areas, accepted=closed.right.ids)
    best = smallest_removal(DirectSearch(), ours, regions.layout)
    row: dict[str, Any] = {"passes": direct.forward_passes, "area": best and round(best.area, 5)}
    others = Removals(control, areas, accepted=closed.right.ids)
    if best is not None:
        row["regions"] = best.removed.tolist()
        hidden = Hidden.of(best, regions, areas)
        bound = Bound(model, generation, closed, "black")
        finer = split(DirectSearch(), bound, hidden, evaluate=direct)
        row |= {"split_area": round(finer.area, 5), "split_passes": direct.forward_passes}
        row |= _controls(model, generation, closed, regions, others, best)
        if trigger is not None:
            row["cause_hit"] = _overlap(regions.mask(best.removed), trigger)
            row["cause_chance"] = float(trigger.mean())
    if budget:
        search = eagle.MultilevelSearch(budget=budget)
        right = memory.summed(closed.groups[:1])
        found = eagle.Eagle(search=search).attribute(
            model, generation, closed.target, regions=regions, evaluate=right
        )
        paper = minimal_correction(found.trace, closed.target, accepted=closed.right.ids)
        row["order_passes"] = found.forward_passes
        row["paper_area"] = round(paper.area, 5) if paper.corrects else None
        along = Removals(control, areas, accepted=closed.right.ids)
        try_order(along, found.trace.order)
        pruned = along.smallest()[:1]
        row["pruned_area"] = round(pruned[0].area, 5) if pruned else None
        if trigger is not None and not paper.corrects:
            row["paper_cause_hit"] = None
        elif trigger is not None:
            row["paper_cause_hit"] = _overlap(regions.mask(paper.removed), trigger)
    return row


def _overlap(mask: np.ndarray, trigger: np.ndarray) -> float:
    """Share of what is hidden that lies on the trigger."""
    return round(float((mask & trigger).sum() / max(1, mask.sum())), 4)


def _controls(
    model: Any, generation: Any, closed: Any, regions: Any, removals: Any, best: Any
) -> dict[str, Any]:
    """Random regions of equal area, and those that are attended most: do they correct?"""
    rng = np.random.default_rng(len(regions))
    orders = [rng.permutation(len(regions)) for _ in range(10)]
    rows = removals.rows([_of_area(order, removals.areas, best.area) for order in orders])
    random = removals.try_all(rows)[0]
    look = white_box_of(model, generation, generation.at(closed.target.positions[0]))
    attention = look.attention(list(range(look.n_layers)))[:, 0].mean(axis=0)
    values = look.to_image(attention.astype(np.float64))
    total = np.bincount(regions.labels.ravel(), weights=values.ravel()) / regions.areas
    attended = np.argsort(-total, kind="stable")
    of_area = removals.rows([_of_area(attended, removals.areas, best.area)])
    ends = removals.rows([attended[:count] for count in range(1, 17)])
    found = removals.try_all(ends)[0]
    first = int(np.argmax(found)) + 1 if found.any() else None
    return {
        "random": float(random.mean()),
        "attended": bool(removals.try_all(of_area)[0][0]),
        "attended_area": first and round(float(removals.areas[attended[:first]].sum()), 5),
    }


def _of_area(order: np.ndarray, areas: np.ndarray, area: float) -> np.ndarray:
    """The first regions of an order, until they are as large as an area."""
    count = int(np.searchsorted(np.cumsum(areas[order]), area - 1e-9)) + 1
    return np.asarray(order[:count])


if __name__ == "__main__":
    command, name, *arguments = sys.argv[1:]
    if command == "probe":
        split_name, first, last, *rest = arguments
        probe(name, split_name, int(first), int(last), depth=(rest or ["fast"])[0])
    elif command == "correct":
        first, last, *rest = arguments
        correct(name, int(first), int(last), budget=int((rest or ["0"])[0]))
    elif command == "cost":
        cost(name, int(arguments[0]))
    elif command == "caption":
        caption(name, *map(int, arguments))
