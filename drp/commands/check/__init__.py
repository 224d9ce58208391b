"""Look whether all that a change or a disaster needs is there: a module for each kind of thing."""
