"""From subsets of the regions of an image to the pixel arguments of a model.

`source` is the interface, with two implementations: `components`, which is fast, and `processor`,
which is exact. `pipeline` holds the steps of an image processor as data, and `resampling` the
weights of its resize.
"""
