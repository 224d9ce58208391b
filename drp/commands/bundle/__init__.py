"""All that a failover needs, in one folder: for a machine that never ran drp."""
