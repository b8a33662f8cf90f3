"""Where items live: memory, SQLite and DynamoDB behind one port (get, query, commit)."""
