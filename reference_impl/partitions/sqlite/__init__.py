"""Items in one SQLite file."""
