"""The executable specification: what a right store answers, in memory and in plain code."""
