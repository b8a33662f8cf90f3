"""The words of the contract as code: entity types, store classes, errors, addresses, timestamps,
items."""
