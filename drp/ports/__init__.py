"""What drp needs from the world: one contract a file, a reading half and a full half each.

An action that only looks is given the reading half, so the type checker proves that it cannot write.
Every method raises only errors of ``drp.errors``.
"""
