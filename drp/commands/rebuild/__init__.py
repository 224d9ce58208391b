"""Find out what can be known of a tenant when the memory of its runs is lost, and have it put in order."""
