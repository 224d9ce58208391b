"""Use cases, one a verb: they take arguments and surroundings, emit events, return results, never print."""
