"""The vector families, one module for each folder of ``vectors/``."""
