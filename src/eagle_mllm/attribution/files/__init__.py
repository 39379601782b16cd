"""Explanations on disk: one `.npz` each (`io`, `header`, `archive`), or the reference's layout."""
