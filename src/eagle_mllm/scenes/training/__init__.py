"""How the shipped demo checkpoints are made: the recipe, from nothing to a Hugging Face folder.

`tokenizers` and `architectures` build an untrained model of a family; `corpus` draws and caches
the scenes; `packing` puts many questions about one picture into one sequence; `recipe` says what
is learned when; `loop` learns; `accuracy` examines; `checkpoint` writes folder and model card.
"""
