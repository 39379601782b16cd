"""How the shipped demo checkpoints are made: the recipe, from nothing to a Hugging Face folder.

`demo_models` is the table of the models, with all in which they differ; `tokenizers`,
`architectures` and `pixels` are what it is made of. `corpus` draws and caches the scenes;
`packing` puts many questions about one picture into one sequence; `recipe` says what is learned
when; `loop` learns; `accuracy` examines; `checkpoint` writes folder and model card.
"""
