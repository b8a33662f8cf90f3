"""From recorded outcomes to one verdict."""
