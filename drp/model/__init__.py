"""The words of drp: frozen, pure, standard library only."""
