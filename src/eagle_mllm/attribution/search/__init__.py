"""Search for the order of regions that explains a target: one strategy per file."""
