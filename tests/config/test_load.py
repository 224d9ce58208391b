"""What a configuration becomes."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from drp.config.first import init_text
from drp.config.load import load_inventory
from drp.errors import ConfigError
from drp.model.drills import DrillSchedule
from drp.model.hours import parse_hours
from drp.model.inventory import Account, DnsZone, Host, Images, Inventory, Residency, SecretRef, Signer
from tests.config.folder import CA, IMAGE, OTHER_CA, PUBLIC, Folder

GIB = 2**30


def sealed(name: str) -> SecretRef:
    return SecretRef(kind="sealed", name=name)


def load(folder: Folder) -> Inventory:
    return load_inventory(folder.path)


def test_sites_and_hosts(folder: Folder) -> None:
    inventory = load(folder)

    assert list(inventory.sites) == ["dc3", "dc5"]
    site = inventory.sites["dc3"]
    assert (site.alias, site.residency) == ("dc3.example.com", Residency(country="FR"))
    assert site.hosts[0] == Host(
        name="h1",
        site="dc3",
        engine="tcp://10.3.0.1:2376",
        tls=sealed("h1"),
        edge="192.0.2.10",
        memory=8 * GIB,
        disk=10**12,
        cpus=4.0,
        subnets="10.64.0.0/20",
    )
    assert inventory.host("h3").site == "dc5"


def test_what_stands_once(folder: Folder) -> None:
    inventory = load(folder)

    assert (inventory.timezone, inventory.witness) == ("Europe/Paris", "witness")
    assert inventory.images == Images(helper=f"{IMAGE}1", edge=f"{IMAGE}2")
    assert inventory.edge_ca == CA
    assert inventory.dns == DnsZone(
        name="main",
        kind="rfc2136",
        zone="example.com",
        servers=("192.0.2.53",),
        key=sealed("tsig"),
        ttl=300,
        move_ttl=30,
        residency=Residency(country=""),
    )
    assert inventory.signers["dc5"] == Signer(site="dc5", public=PUBLIC, private=sealed("dc5.signer"))
    assert inventory.stores["keys"].key == sealed("keys")
    assert inventory.secrets.file == (folder.path / "secrets.sealed").as_posix()
    assert inventory.secrets.unlock is None


def test_a_tenant_gets_the_defaults(folder: Folder) -> None:
    tenant = load(folder).tenants["acme"]

    assert (tenant.home, tenant.host, tenant.domains) == ("dc3", None, ("acme.example.com",))
    assert (tenant.env, tenant.tier, tenant.dedicated, tenant.redis) == (
        "production",
        "silver",
        False,
        "live",
    )
    assert (tenant.memory, tenant.disk, tenant.freeze) == (4 * GIB, 20 * GIB, timedelta(minutes=2))
    assert (tenant.backup_store, tenant.backup_keys, tenant.backup_public) == ("backups", "keys", PUBLIC)
    refs = (tenant.certificate, tenant.root, tenant.token, tenant.backup_private)
    assert refs == tuple(sealed(f"acme.{name}") for name in ("tls", "root", "token", "backup"))
    assert tenant.accounts == (Account(name="api", roles=({"role": "readWriteAnyDatabase", "db": "admin"},)),)
    assert (tenant.egress, tenant.residency, tenant.smoke, tenant.smoke_collections) == ((), (), (), ())


def test_services_get_the_defaults_of_their_role(folder: Folder) -> None:
    services = load(folder).tenants["acme"].services

    assert [(s.role, s.uid, s.gid, s.port, s.data) for s in services.values()] == [
        ("mongodb", 4001, 4001, 27017, "/data/db"),
        ("redis", 4002, 4002, 6379, "/data"),
        ("api", 4003, 4003, 8080, ""),
    ]
    assert [s.memory for s in services.values()] == [2 * GIB, GIB // 2, 3 * GIB // 2]
    assert [(s.cpus, s.pids, s.command) for s in services.values()] == [
        (2.0, 4096, ()),
        (2.0, 256, ()),
        (2.0, 512, ()),
    ]
    assert [s.image[-1] for s in services.values()] == ["4", "5", "3"]


def test_a_tenant_states_what_differs(folder: Folder) -> None:
    folder.write(
        "more.yml",
        f"""
defaults: {{tier: bronze, cpu: 3, freeze: 30s}}
services:
  mongodb: {{uid: 999, environment: {{A: x, B: x}}}}
  api: {{port: 9000}}
tenants:
  acme:
    tier: gold
    images: {{api: {IMAGE}9}}
    services:
      mongodb: {{environment: {{B: y}}, memory: 1GiB, data: /bitnami}}
      api: {{command: [serve, "--fast"], cpus: 0.5, data: none}}
""",
    )
    tenant = load(folder).tenants["acme"]
    mongodb, api = tenant.services["mongodb"], tenant.services["api"]

    assert (tenant.tier, tenant.freeze) == ("gold", timedelta(seconds=30))
    assert (mongodb.uid, mongodb.gid, mongodb.environment) == (999, 999, {"A": "x", "B": "y"})
    assert (mongodb.memory, mongodb.data, mongodb.cpus) == (GIB, "/bitnami", 3.0)
    assert (api.command, api.cpus, api.port, api.data) == (("serve", "--fast"), 0.5, 9000, "")
    assert (api.image, mongodb.image) == (f"{IMAGE}9", f"{IMAGE}4")


def test_lists_of_a_tenant_replace_those_of_the_defaults(folder: Folder) -> None:
    folder.write("more.yml", "defaults: {egress: ['a.example.net:1', 'b.example.net:2']}")
    assert load(folder).tenants["acme"].egress == ("a.example.net:1", "b.example.net:2")

    folder.replace("tenants/acme.yml", "    disk", "    egress: ['10.0.0.0/8:25']\n    disk")
    assert load(folder).tenants["acme"].egress == ("10.0.0.0/8:25",)


def test_business_hours_are_in_the_zone_of_the_company(folder: Folder) -> None:
    assert load(folder).tenants["acme"].hours == parse_hours("Mon-Fri 08:00-19:00 Europe/Paris")
    folder.replace(
        "tenants/acme.yml", "    disk: 20GiB\n", "    disk: 20GiB\n    hours: Sat 09:00-12:00 UTC\n"
    )
    assert load(folder).tenants["acme"].hours == parse_hours("Sat 09:00-12:00 UTC")
    folder.replace("tenants/acme.yml", "Sat 09:00-12:00 UTC", "none")
    assert load(folder).tenants["acme"].hours is None


def test_drills_and_who_is_told(folder: Folder) -> None:
    folder.write(
        "more.yml",
        'operators: [ops@example.com]\ndrills: [{cron: "0  3 * * Sun", sample: 7, site: dc5}, '
        "{name: all, cron: '@monthly', within: 4h, in-hours: true}]\n",
    )
    policies = load(folder).policies
    assert policies.operators == ("ops@example.com",)
    zone = "Europe/Paris"
    assert policies.drills == (
        DrillSchedule(name="config-1", cron="0 3 * * Sun", zone=zone, sample=7, site="dc5"),
        DrillSchedule(name="all", cron="0 0 1 * *", zone=zone, within=timedelta(hours=4), in_hours=True),
    )


@pytest.mark.parametrize(
    ("drills", "problem"),
    [
        ("[{cron: 0 3 * *}]", "1:17 cannot read cron expression '0 3 * *' (4 fields): write five fields"),
        ("[{sample: 7}]", "1:10 key 'cron' is missing"),
        ("[{cron: '@daily', site: dc6}]", "1:33 unknown site 'dc6'; known: dc3, dc5"),
        ("[{cron: '@daily', name: a}, {cron: '@daily', name: a}]", "1:37 drill 'a' is here twice"),
    ],
)
def test_drills_that_cannot_be(folder: Folder, drills: str, problem: str) -> None:
    folder.write("more.yml", f"drills: {drills}\n")
    (found,) = folder.problems()
    assert found.startswith(f"more.yml:{problem}")


def test_what_an_answer_said_may_stand_where_a_secret_may_not(folder: Folder) -> None:
    folder.replace(
        "tenants/acme.yml",
        "    disk",
        """    drill:
      - {method: POST, path: /session, body: "{}", expect-status: 201, keep: {token: token}}
      - {path: /session, headers: {Authorization: "Bearer {token}"}}
    disk""",
    )

    login, look = load(folder).tenants["acme"].drill
    assert login["keep"] == {"token": "token"}
    assert look["headers"] == {"Authorization": "Bearer {token}"}


def test_smoke_requests_are_typed(folder: Folder) -> None:
    folder.replace(
        "tenants/acme.yml",
        "    disk",
        """    smoke:
      - {path: "/health?deep=1"}
      - {method: PUT, path: /x, body: '{"n": 010}', headers: {Accept: text/plain},
         expect-status: 204, expect-contains: no}
    disk""",
    )

    assert load(folder).tenants["acme"].smoke == (
        {
            "method": "GET",
            "path": "/health?deep=1",
            "body": "",
            "headers": {},
            "expect_status": 200,
            "expect_contains": "",
        },
        {
            "method": "PUT",
            "path": "/x",
            "body": '{"n": 010}',
            "headers": {"Accept": "text/plain"},
            "expect_status": 204,
            "expect_contains": "no",
        },
    )


def test_files_may_add_to_each_others_maps(folder: Folder) -> None:
    folder.write(
        "sites/dc5.yml",
        """
version: 1
sites: {dc5: {provider: metal, hosts: {h4: {engine: tcp://10.5.0.4:2376, edge: 192.0.2.91, memory: 8GiB,
  disk: 1TB, cpus: 4, subnets: 10.64.48.0/20}}}}
""",
    )
    site = load(folder).sites["dc5"]

    assert [host.name for host in site.hosts] == ["h3", "h4"]
    assert site.residency == Residency(country="FR", provider="metal")


@pytest.mark.parametrize(
    "name", ["x.example.yml", ".hidden.yml", ".git/x.yml", "hosts/site.yml", "hosts/roles/x.yml"]
)
def test_some_files_are_none_of_its_business(folder: Folder, name: str) -> None:
    folder.write(name, "- not: a configuration\n")

    assert folder.problems() == []


def test_references_to_files_are_meant_from_the_folder(folder: Folder) -> None:
    folder.replace("tenants/acme.yml", "    disk", "    certificate: file:tls/acme.pem\n    disk")
    folder.write("secrets.yml", "secrets: {file: /srv/drp.sealed, unlock: 'command:pass show drp'}")
    inventory = load(folder)

    assert inventory.tenants["acme"].certificate.name == (folder.path.resolve() / "tls/acme.pem").as_posix()
    assert inventory.secrets.file == "/srv/drp.sealed"
    assert inventory.secrets.unlock == SecretRef(kind="command", name="pass show drp")


def test_public_texts_may_stand_inline(folder: Folder) -> None:
    folder.replace(
        "tenants/acme.yml", "    disk", f"    backup-key: {{public: {PUBLIC}, private: env:KEY}}\n    disk"
    )
    (folder.path / "keys/acme.backup.pub").unlink()
    tenant = load(folder).tenants["acme"]

    assert (tenant.backup_public, tenant.backup_private) == (PUBLIC, SecretRef(kind="env", name="KEY"))


def test_every_written_key_knows_its_line(folder: Folder) -> None:
    lines = load(folder).lines

    assert lines["tenants.acme.home"] == f"{folder.path.as_posix()}/tenants/acme.yml:3:11"
    assert lines["tenants.acme"] == f"{folder.path.as_posix()}/tenants/acme.yml:2:3"
    assert lines["sites.dc5.hosts.h3.edge"].endswith("drp.yml:12:47")
    assert "tenants.acme.tier" not in lines, "nobody wrote it"


def test_the_digest_is_that_of_what_counts(folder: Folder) -> None:
    before = load(folder).digest

    folder.replace("tenants/acme.yml", "    disk", "    # a remark\n    tier: silver\n    disk")
    assert load(folder).digest == before, "a remark and a stated default change nothing"

    folder.replace("tenants/acme.yml", "tier: silver", "tier: gold")
    changed = load(folder).digest
    assert changed != before
    folder.write("edge-ca.pem", OTHER_CA)
    assert load(folder).digest not in (before, changed)


def test_only_lines_and_paths_depend_on_where_the_folder_is(folder: Folder, tmp_path: Path) -> None:
    other = Folder(tmp_path / "elsewhere")
    mine, others = load(folder), load(other)

    assert replace(mine, lines={}, secrets=others.secrets) == replace(others, lines={})


def test_keys_that_are_not_made_yet_are_empty_when_they_are_not_needed(folder: Folder) -> None:
    for name in ("edge-ca.pem", "keys/dc3.signer.pub", "keys/acme.backup.pub"):
        (folder.path / name).unlink()
    inventory = load_inventory(folder.path, needs_keys=False)

    assert (inventory.edge_ca, inventory.signers["dc3"].public) == ("", "")
    assert inventory.tenants["acme"].backup_public == ""
    assert len(folder.problems()) == 3


def test_a_configuration_without_tenants_is_one(folder: Folder) -> None:
    (folder.path / "tenants/acme.yml").unlink()

    assert load(folder).tenants == {}


def test_the_first_configuration_wants_only_to_be_filled_in(folder: Folder) -> None:
    for name in ("drp.yml", "tenants/acme.yml"):
        (folder.path / name).unlink()
    text = init_text()
    folder.write("drp.yml", text)
    assert [problem.split(": ")[0].split(" ", 1)[1] for problem in folder.problems()] == [
        f"cannot read image '{name}-IMAGE-ID'" for name in ("HELPER", "EDGE", "API", "MONGODB", "REDIS")
    ]

    for number, name in enumerate(("HELPER", "EDGE", "API", "MONGODB", "REDIS")):
        text = text.replace(f"{name}-IMAGE-ID", f"{IMAGE}{number}")
    folder.write("drp.yml", text)
    assert folder.problems() == []
    assert load(folder).tenants["acme"].home == "dc3"


def test_the_first_configuration_takes_other_names(folder: Folder) -> None:
    text = init_text(zone="example.test", primary="east", reserve="west", tenant="shop")

    assert all(name in text for name in ("  east:", "  west:", "  shop:", "[shop.example.test]"))
    assert not any(name in text for name in ("dc3", "dc5", "acme", "example.com"))


def test_the_example_is_right_but_for_the_keys(folder: Folder) -> None:
    example = Path(__file__).parents[2] / "config" / "drp.example.yml"
    for name in ("drp.yml", "tenants/acme.yml"):
        (folder.path / name).unlink()
    folder.write("drp.yml", example.read_text(encoding="utf-8"))

    assert folder.problems() == []


def test_the_repositorys_own_folder_holds_no_configuration() -> None:
    with pytest.raises(ConfigError) as caught:
        load_inventory(Path(__file__).parents[2] / "config")

    assert "no *.yml file is there" in caught.value.problems[0].message
