"""Images of the laboratory, made from files of this machine: no registry, no engine, no network."""
