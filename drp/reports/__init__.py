"""Pages for people who were not there: what a run did, made from its journal alone."""
