"""Many samples: a data set × a model × a method, resumable, on one machine or many.

A TOML file says what to do (`config`, `methods`). Each sample is answered, its target chosen
(`targets`), explained and measured (`worker`, `measures`) where an executor puts it (`executors`,
`ray_executor`), and leaves one record (`record`) in a folder that only equal settings share
(`store`). The runner goes through the samples and never dies on one (`runner`).
"""
