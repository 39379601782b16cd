"""Models that somebody else serves: one file an engine, over one small HTTP client."""
