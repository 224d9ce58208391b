"""A Cloudflare of our own on loopback: zones with records, their API with its limits, their name servers."""
