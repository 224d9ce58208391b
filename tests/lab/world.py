"""A picture of the lab's world as drp changes it, written without drp, to be compared with another.

What differs between two runs that did the same is taken out: ids, times, the numbers of epochs and
backups. Everything else stays: containers, networks, volumes, host tmpfs, edges' maps, zone, buckets,
witness, and the content of every database that runs.
"""

from __future__ import annotations

import contextlib
import json
import re
from collections.abc import Collection
from typing import Any

import boto3
import dns.query
import dns.tsigkeyring
import dns.zone
import docker
from botocore.config import Config

from tests.lab.host import HostMachine
from tests.lab.inside import run_inside
from tests.lab.lab import Lab
from tests.lab.machine import LabError

_MOMENT = re.compile(r"\d{8}T\d{6}Z-[0-9a-f]{8}")
_EPOCH = re.compile(r"\b(?P<tenant>[\w.-]+?)-e(?P<epoch>\d{4})\b")
_FINGERPRINT = re.compile(r"\bdrp[0-9a-f]{10}(?=[edc]\b)")
_ATTEMPT = re.compile(r"(?<=BACKUP/)[0-9a-f]{16}")
_STORES = ("backups", "keys")
_VOLATILE_LABELS = ("drp.run", "drp.step", "drp.spec", "drp.epoch")


def dump_world(
    lab: Lab, known: frozenset[str] = frozenset(), *, hosts: Collection[str] = ()
) -> dict[str, Any]:
    """The picture; equal for two worlds that a user could not tell apart.

    ``known``: objects of the store that were there before (``list_objects``) and are left out.
    ``hosts``: only these (none: all).
    """
    found: dict[str, Any] = {
        "hosts": {
            name: dump_host(lab, host) for name, host in lab.hosts.items() if name in (hosts or lab.hosts)
        },
        "zone": dump_zone(lab),
        "buckets": {b: [k for k in dump_bucket(lab, b) if k not in known] for b in _STORES},
        "serving": dump_serving(lab),
    }
    return normalise({**found, "content": _gather_content(found["hosts"])})


def _gather_content(hosts: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """Instance -> content of its databases, taken out of their hosts: it is the same wherever they run."""
    return {name: content for host in hosts.values() for name, content in host.pop("content").items()}


def dump_host(lab: Lab, host: HostMachine) -> dict[str, Any]:
    with contextlib.closing(docker.DockerClient(base_url=host.sock, version="auto", timeout=60)) as client:
        containers = {str(c.name): _container(c.attrs) for c in client.containers.list(all=True)}
        networks = {
            n.name: _network(client.api.inspect_network(str(n.id)))
            for n in client.networks.list()
            if n.name not in ("bridge", "host", "none")
        }
        volumes = {v.name: _labels(v.attrs.get("Labels")) for v in client.volumes.list()}
    return {
        "containers": containers,
        "networks": networks,
        "volumes": volumes,
        "tmpfs": dump_tmpfs(host),
        "maps": dump_maps(host),
        "content": dump_content(lab, host, containers),
    }


def _labels(labels: dict[str, str] | None) -> dict[str, str]:
    return {k: v for k, v in sorted((labels or {}).items()) if k not in _VOLATILE_LABELS}


def _container(attrs: dict[str, Any]) -> dict[str, Any]:
    config, host = attrs["Config"], attrs["HostConfig"]
    return {
        "image": attrs["Image"],
        "status": attrs["State"]["Status"],
        "user": config["User"],
        "labels": _labels(config["Labels"]),
        "networks": {
            name: (link.get("IPAMConfig") or {}).get("IPv4Address", "")
            for name, link in sorted(attrs["NetworkSettings"]["Networks"].items())
        },
        "mounts": sorted(f"{m.get('Name') or m['Source']}:{m['Destination']}" for m in attrs["Mounts"]),
        "ports": host["PortBindings"],
        "memory": host["Memory"],
        "restart": host["RestartPolicy"]["Name"],
    }


def _network(attrs: dict[str, Any]) -> dict[str, Any]:
    return {
        "subnet": [block["Subnet"] for block in attrs["IPAM"]["Config"]],
        "internal": attrs["Internal"],
        "options": dict(sorted(attrs["Options"].items())),
        "labels": _labels(attrs["Labels"]),
        "members": sorted(member["Name"] for member in attrs["Containers"].values()),
    }


def dump_tmpfs(host: HostMachine) -> list[str]:
    """Secret files: path, owner, mode, length (their content is fresh at each instance)."""
    done = host.run("find", "/run/drp", "-printf", "%p %y %U:%G %m %s\n", check=False)
    lines = (line.rsplit(" ", 1) for line in done.stdout.splitlines())
    # a directory's own length means nothing
    return sorted(head if " d " in head else f"{head} {size}" for head, size in lines)


def dump_maps(host: HostMachine) -> dict[str, list[str]]:
    """What the edge's maps say on disk: routes and holds."""
    folder = "/var/lib/docker/volumes/drp-edge/_data"
    done = host.run("find", folder, "-name", "*.map", check=False)
    return {
        path.rpartition("/")[2]: sorted(host.run("cat", path).stdout.split("\n"))
        for path in sorted(done.stdout.split())
    }


def dump_content(lab: Lab, host: HostMachine, containers: dict[str, Any]) -> dict[str, Any]:
    """Content of every database that runs on the host."""
    found = {}
    for name, container in sorted(containers.items()):
        if name.endswith("-mongodb") and container["status"] == "running":
            instance = name.removesuffix("-mongodb")
            found[instance] = json.loads(
                run_inside(host, instance, lab.images["api"].id, "content_script.py").strip().splitlines()[-1]
            )
    return found


def dump_zone(lab: Lab) -> list[str]:
    """The zone by transfer from the primary, without its serial."""
    key = lab.dns.transfer
    keyring = dns.tsigkeyring.from_text({key.name: (key.algorithm, key.secret)})
    with lab.ops1.net():
        transfer = dns.query.xfr(
            str(lab.dns.primary), lab.dns.zone, keyring=keyring, keyname=key.name, lifetime=10
        )
        zone = dns.zone.from_xfr(transfer)
    if zone is None:
        raise LabError("cannot transfer the zone")
    return sorted(
        f"{name} {rdataset}" for name, rdataset in zone.iterate_rdatasets() if rdataset.rdtype.name != "SOA"
    )


def dump_bucket(lab: Lab, bucket: str) -> list[str]:
    """All keys of a bucket."""
    with lab.ops1.net():
        pages = build_client(lab, bucket).get_paginator("list_objects_v2").paginate(Bucket=bucket)
        return sorted(item["Key"] for page in pages for item in page.get("Contents", []))


def list_objects(lab: Lab) -> frozenset[str]:
    """Keys of all backups and their keys that are there now."""
    return frozenset(key for bucket in _STORES for key in dump_bucket(lab, bucket))


def dump_serving(lab: Lab) -> dict[str, str]:
    """Tenant -> site and host that serve it, as the witness says. Numbers burnt on the way are left out."""
    found: dict[str, str] = {}
    keys = [key for key in dump_bucket(lab, "witness") if re.fullmatch(r"epochs/.*/serving\.json", key)]
    with lab.ops1.net():
        client = build_client(lab, "witness")
        for key in keys:  # sorted, so the newest comes last
            record = json.loads(client.get_object(Bucket="witness", Key=key)["Body"].read())
            found[key.split("/")[1]] = f"{record['site']}/{record['host']}"
    return found


def build_client(lab: Lab, bucket: str) -> Any:
    """An S3 client as the bucket's account; use it in a machine that reaches the store."""
    account = lab.s3.buckets[bucket]
    return boto3.client(
        "s3",
        endpoint_url=lab.s3.endpoint,
        region_name=lab.s3.region,
        aws_access_key_id=account.access,
        aws_secret_access_key=account.secret,
        config=Config(retries={"max_attempts": 1}, s3={"addressing_style": "path"}),
    )


def normalise(found: dict[str, Any]) -> dict[str, Any]:
    """Numbers of epochs become ``now`` (the highest of the tenant) and ``old``, backups lose theirs."""
    text = json.dumps(found, sort_keys=True)
    newest: dict[str, int] = {}
    for match in _EPOCH.finditer(text):
        tenant, epoch = match["tenant"], int(match["epoch"])
        newest[tenant] = max(newest.get(tenant, 0), epoch)

    def rename(match: re.Match[str]) -> str:
        word = "now" if int(match["epoch"]) == newest[match["tenant"]] else "old"
        return f"{match['tenant']}-{word}"

    text = _FINGERPRINT.sub("drpBRIDGE", _MOMENT.sub("BACKUP", _EPOCH.sub(rename, text)))
    picture: dict[str, Any] = json.loads(_ATTEMPT.sub("ATTEMPT", text))
    picture["buckets"] = {bucket: _merge_packs(keys) for bucket, keys in picture["buckets"].items()}
    return picture


def _merge_packs(keys: list[str]) -> list[str]:
    """Into how many packs a backup is cut depends on which thread was first; all else counts."""
    packs = {re.sub(r"\d+\.pack$", "N.pack", key) for key in keys if key.endswith(".pack")}
    return sorted([*packs, *(key for key in keys if not key.endswith(".pack"))])


def compare_worlds(left: dict[str, Any], right: dict[str, Any], place: str = "") -> list[str]:
    """Every place in which two pictures differ; empty when they are the same."""
    if isinstance(left, dict) and isinstance(right, dict):
        return [
            line
            for key in sorted({*left, *right})
            for line in compare_worlds(left.get(key, "-"), right.get(key, "-"), f"{place}/{key}")
        ]
    return [] if left == right else [f"{place}: {left} != {right}"]
