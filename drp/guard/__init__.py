"""The guard of a host: says until when its edge may answer, and stops it when another site has taken over."""
