"""What lies in the stores: which backups there are, are they whole, which may go."""
