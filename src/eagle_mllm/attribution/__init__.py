"""The method, in the order in which the paper tells it.

An image is read (`images`) and divided into regions (`regions`, `segmentation`). A model writes an
answer about it; the answer is tokens, words and spans, and some of its tokens are the target to
explain (`words`, `target`, `generation`, `choice`). Regions are hidden behind a fill (`masking`),
and a model says how probable the target is when only a subset of the regions is shown (`model`);
each subset is asked once (`evaluator`).

Insight and necessity, weighted, are the objective (`objective`, Eq. 2 to 4). A search orders the
regions so that the objective rises as early as it can (`search`, Eq. 1). Playing the order
through gives the trace (`trace`), from which follow the saliency of each pixel (`saliency`,
Algorithm 1) and how far each token relies on the image (`reliance`, Eq. 5).

All of it answers a question (`question`) and makes one explanation (`method`), or several of one
answer (`several`), kept with its provenance (`result`, `provenance`) and written to files (`files`;
`atomic` writes a file whole or not at all). What a wrong answer lacks is read off a trace as well
(`correction`).

Nothing here knows torch, transformers or matplotlib: a model is whatever answers `Scorer`.
"""
