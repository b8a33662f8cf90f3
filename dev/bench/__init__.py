"""How fast the reference store is, as a ratio to the least that hand-written code could do.

``python -m dev.bench`` measures both sides in one run, in turns: what a machine is worth
cancels out of a ratio. ``goals`` says what is measured, ``byhand`` is the limit, ``contest`` puts
both sides over the same content, ``rounds`` measures, ``report`` tells.
"""
