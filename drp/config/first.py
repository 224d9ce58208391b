"""The smallest configuration, as `drp config init` writes it."""

from __future__ import annotations

from typing import Final

SCHEMA_FILE: Final = "drp.schema.json"

_TEXT: Final = """\
# yaml-language-server: $schema={schema}
# All keys: README.md. Fill in what is in capitals, then `drp secrets init` and `drp check config`.
version: 1
timezone: Europe/Paris
sites:
  {primary}:
    country: FR
    hosts:
      h1:
        engine: tcp://10.3.0.1:2376        # on the management network only
        edge: 192.0.2.10                   # public address of this host
        memory: 64GiB
        disk: 1TiB
        cpus: 16
        subnets: 10.64.0.0/20              # for the links of tenants
  {reserve}:
    country: FR
    hosts:
      h3:
        engine: tcp://10.5.0.3:2376
        edge: 192.0.2.90
        memory: 64GiB
        disk: 1TiB
        cpus: 16
        subnets: 10.64.16.0/20
stores:                                    # outside every site, each with credentials of its own
  backups: {{kind: s3, url: "https://s3.example.net", bucket: drp-backups, place: rennes}}
  keys: {{kind: s3, url: "https://s3.example.net", bucket: drp-keys, place: rennes}}
  witness: {{kind: s3, url: "https://s3.example.net", bucket: drp-witness, place: rennes}}
witness: witness
dns:
  main: {{kind: rfc2136, servers: [192.0.2.53, 198.51.100.53], zone: {zone}}}
images:                                    # IDs: docker image inspect --format '{{{{.Id}}}}' IMAGE
  helper: HELPER-IMAGE-ID
  edge: EDGE-IMAGE-ID
tenants:
  {tenant}:
    home: {primary}                              # where it belongs; where it is, the witness knows
    domains: [{tenant}.{zone}]
    memory: 4GiB
    disk: 20GiB                            # restored size plus growth
    images:
      api: API-IMAGE-ID
      mongodb: MONGODB-IMAGE-ID
      redis: REDIS-IMAGE-ID
"""


def init_text(
    *, zone: str = "example.com", primary: str = "dc3", reserve: str = "dc5", tenant: str = "acme"
) -> str:
    """YAML with the places to fill in written in capitals."""
    return _TEXT.format(schema=SCHEMA_FILE, zone=zone, primary=primary, reserve=reserve, tenant=tenant)
