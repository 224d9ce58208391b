"""A laboratory of two datacenters and a third zone on one machine, out of Linux namespaces."""
