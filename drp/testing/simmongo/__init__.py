"""A MongoDB in memory, at the data plane's port: snapshots, resume tokens, and the traps of the real one.

Facts as measured on a server of version 5.0 (one-node replica set).
"""
