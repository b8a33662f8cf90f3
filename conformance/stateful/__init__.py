"""Histories: random sequences of calls, made with the model as their truth, played on any backend.

A history is plain JSON (:mod:`.history`). A rule-based machine makes it (:mod:`.machine`),
sides play it (:mod:`.playing`), what differs is told under one rule (:mod:`.blame`), made short
(:mod:`.shrinking`) and kept in a file that can be played again (:mod:`.record`). The suite uses them
on one target, ``conformance parity`` on two (:mod:`.parity`).
"""
