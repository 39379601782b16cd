"""The HTML page about the attributions of one answer, and its fragment for notebooks."""
