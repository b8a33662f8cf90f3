"""Attacks on the reference store in figures: forks, dishonest answers, flipped bits, silence."""
