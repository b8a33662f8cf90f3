"""The reference encrypted store of the DialogueStore contract, on SQLite and on DynamoDB."""
