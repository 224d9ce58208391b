"""Addresses of the laboratory. Names never appear here, so a renamed lab has the same addresses.

    public      192.0.2.0/24  198.51.100.0/24  203.0.113.0/24      home, away, third zone
    management  10.3.0.0/24   10.5.0.0/24      10.9.0.0/24         home, away, operators

No address is outside the ranges that RFC 5737 and RFC 1918 set aside, and nothing has a route
to the machine's own network, so a wrong address can meet nobody.
"""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network

PUBLIC = tuple(map(IPv4Network, ("192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24")))
MANAGEMENT = tuple(map(IPv4Network, ("10.3.0.0/24", "10.5.0.0/24", "10.9.0.0/24")))
OPERATORS = MANAGEMENT[2]
THIRD = PUBLIC[2]

ENGINE_PORT = 2376
STORE_PORT = 9000
PRIMARY = THIRD[53]
SECONDARY = PUBLIC[1][53]
RESOLVER = THIRD[54]
STORE = THIRD[20]
CLIENT = THIRD[100]

_SUBNETS = list(IPv4Network("10.64.0.0/16").subnets(new_prefix=20))
_POOLS = list(IPv4Network("10.80.0.0/16").subnets(new_prefix=21))
_DEFAULT_BRIDGES = list(IPv4Network("10.96.0.0/16").subnets(new_prefix=24))


@dataclass(frozen=True, slots=True, kw_only=True)
class HostPlan:
    """Addresses of one host: its two legs, what drp may use (subnets), what the engine may use (pool)."""

    public: IPv4Address
    management: IPv4Address
    subnets: IPv4Network
    pool: IPv4Network
    default_bridge: str


def build_host_plan(site: int, index: int) -> HostPlan:
    """``site`` is 0 or 1, ``index`` counts all hosts of the lab from 0."""
    return HostPlan(
        public=PUBLIC[site][11 + index],
        management=MANAGEMENT[site][11 + index],
        subnets=_SUBNETS[index],
        pool=_POOLS[index],
        default_bridge=f"{_DEFAULT_BRIDGES[index][1]}/24",
    )


def build_operator_addresses(number: int) -> tuple[IPv4Address, IPv4Address]:
    """(public, management) of the operators' machine with this number, from 1."""
    return THIRD[110 + number], OPERATORS[110 + number]
