"""Everything that can be wrong, with its exact words and place."""

from __future__ import annotations

from pathlib import Path

import pytest

from drp.config.load import load_inventory
from drp.errors import ConfigError
from tests.config.folder import IMAGE, PUBLIC, Folder, build_host

GLOBEX = """\
tenants:
  globex:
    home: dc3
    domains: [globex.example.com]
    memory: 4GiB
    disk: 20GiB
"""


def test_the_configuration_that_is_changed_below_is_right(folder: Folder) -> None:
    folder.write("tenants/globex.yml", GLOBEX)

    assert folder.problems() == []


CHANGED = [
    ("home: dc3", "home: dc6", "3:11 unknown site 'dc6'; known: dc3, dc5"),
    ("home: dc3", "hmoe: dc3", "2:3 key 'home' is missing|3:5 unknown key 'hmoe'; did you mean 'home'?"),
    ("disk: 20GiB", "disk: 20", "6:11 cannot read size '20': write 8GiB or 8GB"),
    ("disk: 20GiB", "disk: 8 Gigs", "6:11 cannot read size '8 Gigs': write 8GiB or 8GB"),
    ("disk: 20GiB", "disk:", "6:5 cannot read 'disk': a text is expected"),
    ("disk: 20GiB", "disk: [20GiB]", "6:11 cannot read 'disk': a text is expected"),
    ("disk: 20GiB", "disk: {a: b}", "6:5 cannot read 'disk': a text is expected"),
    ("    disk: 20GiB\n", "", "2:3 key 'disk' is missing"),
    ("memory: 4GiB", "memory: 20GiB", "5:13 'acme' needs 21.5 GB, the largest host of 'dc3' has 17.2 GB"),
    ("memory: 4GiB", "memory: lots", "5:13 cannot read size 'lots': write 8GiB or 8GB"),
    ("  acme:", "  Acme_1:", "2:3 cannot use name 'Acme_1': write small letters, digits and single '-'"),
    ("  acme:", "  acme-e0007:", "2:3 cannot use name 'acme-e0007': drp itself uses such names"),
    ("  acme:", "  all:", "2:3 cannot use name 'all': drp itself uses such names"),
    ("tenants:", "tenant:", "1:1 unknown key 'tenant'; did you mean 'tenants'?"),
]

DOMAINS = [
    ("acme.example.com", "4:14 cannot read 'domains': a list is expected"),
    ("[]", "4:14 tenant 'acme' has no domain"),
    ("[Acme.example.com]", "4:15 cannot read domain 'Acme.example.com': write it in small letters, as in"),
    ("[acme.example.org]", "4:15 domain 'acme.example.org' is not in zone 'example.com'"),
    ("[acmeexample.com]", "4:15 domain 'acmeexample.com' is not in zone 'example.com'"),
    ("[example.com]", "4:15 cannot use domain 'example.com': the zone's own name cannot lead elsewhere"),
    ("[dc5.example.com]", "4:15 domain 'dc5.example.com' is the alias of site 'dc5'"),
    ("[a.example.com, a.example.com.]", "4:30 domain 'a.example.com' belongs to 'acme' already"),
]

ADDED = [
    ("zzz: 1", "6:5 unknown key 'zzz'"),
    ("freeze: 5", "6:13 cannot read duration '5': write 15s, 5m, 2h or 30d"),
    ("hours: 8 to 7", "6:12 cannot read hours '8 to 7': write Mon-Fri 08:00-19:00"),
    ("contacts: [acme]", "6:16 cannot read mail address 'acme': write one alone, as in ops@example.com"),
    ("tier: platinum", "6:11 cannot read 'tier': write one of gold, silver, bronze"),
    ("dedicated: yes", "6:16 cannot read 'yes': write true or false"),
    ("cpu: two", "6:10 cannot read number of cores 'two': write 2 or 0.5"),
    ("cpu: 0", "6:10 cannot read number of cores '0': write 2 or 0.5"),
    ("host: h9", "6:11 unknown host 'h9'; known: h1, h2, h3"),
    ("host: h3", "6:11 host 'h3' is in 'dc5', not in 'dc3', the home of 'acme'"),
    ("egress: [smtp]", "6:14 cannot read destination 'smtp': write HOST:PORT, as in smtp.example.net:465"),
    (
        "images: {api: shop:latest}",
        "6:19 cannot read image 'shop:latest': write its ID, sha256: and 64 hexadecimal digits",
    ),
    (f"images: {{api: shop@{IMAGE}3}}", f"6:19 cannot read image 'shop@{IMAGE}3': write its ID, sha256:"),
    (f"images: {{apo: {IMAGE}3}}", "6:14 unknown key 'apo'; did you mean 'api'?"),
    ("backup: {store: keys}", "6:5 cannot keep the keys of backups in store 'keys': the backups are there"),
    ("backup: {store: far}", "6:21 unknown store 'far'; known: backups, keys, witness"),
    ("accounts: []", "6:15 there is no account for the API"),
    ("accounts: [{name: drp, roles: []}]", "6:23 cannot use account 'drp': drp itself uses it"),
    ("accounts: [{name: a, roles: []}, {name: a, roles: []}]", "6:45 account 'a' is here twice"),
    ("accounts: [{name: a, roles: [{role: read}]}]", "6:34 key 'db' is missing"),
    ("accounts: [api]", "6:16 cannot read '0': a map is expected"),
    ("smoke: [{path: health}]", "6:20 cannot read path 'health': it begins with /"),
    ("smoke: [{path: /, expect-status: 99}]", "6:38 cannot use status '99': write one from 100 to 599"),
    ("smoke: [{path: /, method: get}]", "6:31 cannot read 'method': write one of GET, HEAD, POST, PUT,"),
    ("smoke-collections: [probe]", "6:25 cannot read collection 'probe': write DATABASE.COLLECTION, as in"),
    ("services: {api: {uid: 0}}", "6:27 cannot read number '0': write a whole number above 0, as in 512"),
    ("services: {api: {uid: 65534}}", "6:27 cannot use id '65534': write one from 1 to 65533"),
    ("services: {api: {port: 70000}}", "6:28 cannot use port '70000': write one from 1 to 65535"),
    ("services: {api: {pids: 1.5}}", "6:28 cannot read number '1.5': write a whole number above 0"),
    ("services: {web: {}}", "6:16 unknown key 'web'"),
    ("services: {mongodb: {memory: 3GiB}}", "5:13 the services of 'acme' take 5.4 GB, it has 4.3 GB"),
]


def check_tenant(folder: Folder, expected: str) -> None:
    found = folder.problems()
    wanted = expected.split("|")
    assert len(found) == len(wanted), found
    for line, beginning in zip(found, wanted, strict=True):
        assert line.startswith(f"tenants/acme.yml:{beginning}"), line


@pytest.mark.parametrize(("old", "new", "expected"), CHANGED)
def test_a_key_of_a_tenant_is_wrong(folder: Folder, old: str, new: str, expected: str) -> None:
    for name in ("Acme_1", "acme-e0007", "all"):
        folder.write(f"keys/{name}.backup.pub", PUBLIC)
    folder.replace("tenants/acme.yml", old, new)

    check_tenant(folder, expected)


@pytest.mark.parametrize(("domains", "expected"), DOMAINS)
def test_a_domain_is_wrong(folder: Folder, domains: str, expected: str) -> None:
    folder.replace("tenants/acme.yml", "[acme.example.com]", domains)

    check_tenant(folder, expected)


@pytest.mark.parametrize(("line", "expected"), ADDED)
def test_an_optional_key_of_a_tenant_is_wrong(folder: Folder, line: str, expected: str) -> None:
    folder.replace("tenants/acme.yml", "    disk", f"    {line}\n    disk")

    check_tenant(folder, expected)


COMPANY = [
    ("version: 1", "version: 2", "1:10 cannot read 'version': write one of 1"),
    ("Europe/Paris", "Europe/Pari", "2:11 cannot read time zone 'Europe/Pari': write its IANA name, as in"),
    ("defaults:\n", "defaults:\n  teir: gold\n", "22:3 unknown key 'teir'; did you mean 'tier'?"),
    ("defaults:\n", "defaults:\n  memory: much\n", "22:11 cannot read size 'much': write 8GiB or 8GB"),
    ("defaults:\n", "defaults:\n  home: dc3\n", "22:3 unknown key 'home'"),
    ("defaults:\n", "services: {api: {prot: 1}}\ndefaults:\n", "21:18 unknown key 'prot'; did you mean 'p"),
    ("defaults:\n", "backup: {keys: backups}\ndefaults:\n", "21:16 cannot keep the keys of backups in store"),
    ("images: {helper", "secrets: {kind: vault}\nimages: {helper", "20:17 cannot read 'kind': write one of"),
    ("images: {helper", "secrets: {unlock: 'sealed:key'}\nimages: {helper", "20:19 the key of the sealed"),
    ("images: {helper", "bundle: {stores: [far]}\nimages: {helper", "20:19 unknown store 'far'"),
    (
        "images: {helper",
        "signers: {dc9: {public: AAAA}}\nimages: {helper",
        "20:11 unknown site 'dc9'; known: dc3, dc5|20:25 cannot read public key: it has 3 bytes, not 32",
    ),
]  # fmt: skip

STORES = [
    (
        "place: rennes}\nwitness: witness\n",
        "place: rennes}\n  here: {kind: s3, url: 'https://s3.example.org', bucket: b, place: dc5}\n"
        "witness: witness\nbundle: {stores: [here]}\n",
        "19:18 cannot keep the bundle in 'dc5' alone: it is lost with it",
    ),
    ("witness: witness\n", "", "1:1 key 'witness' is missing"),
    ("witness: witness\n", "witness: far\n", "17:10 unknown store 'far'; known: backups, keys, witness"),
    (
        "bucket: witness, place: rennes",
        "bucket: witness, place: dc5",
        "16:78 cannot use store 'witness': it is in 'dc5', the site that may fail",
    ),
    ("bucket: keys", "bucket: backups", "15:59 stores 'backups' and 'keys' are one bucket"),
    ("  keys: {kind: s3", "  keys: {kind: ftp", "15:16 cannot read 'kind': write one of s3"),
    ("  keys: {kind", "  keys: {acl: x, kind", "15:10 unknown key 'acl'"),
    ('https://s3.example.net", bucket: keys', 's3.example.net", bucket: keys', "15:25 cannot read URL 's3.e"),
]  # fmt: skip

ZONES = [
    ("  main: {kind: rfc2136", "  main: {kind: route53", "19:16 cannot read 'kind': write one of rfc2136"),
    ("servers: [192.0.2.53]", "servers: []", "19:34 zone 'main' has no server"),
    ("servers: [192.0.2.53]", "servers: [ns1]", "19:35 cannot read address 'ns1': write an IPv4 address"),
    ("zone: example.com}", "zone: example.com, ttl: 10s}", "19:3 `move-ttl` is longer than `ttl`"),
    ("zone: example.com}", "zone: example.com, ttl: 10}", "19:72 cannot read duration '10': write 15s, 5m,"),
    ("zone: example.com}", "zone: com}", "19:54 cannot read domain 'com': write it in small letters, as in"),
]

HOSTS = [
    ("192.0.2.11", "192.0.2.10", "8:47 edge '192.0.2.10' is that of host 'h1' already"),
    ("10.3.0.2:2376", "10.3.0.1:2376", "8:20 engine 'tcp://10.3.0.1:2376' is that of host 'h1' already"),
    ("10.3.0.2:2376", "10.64.32.9:2376", "8:20 engine '10.64.32.9' is in '10.64.32.0/20', which is for"),
    ("tcp://10.3.0.2:2376", "unix:///x.sock", "8:20 cannot read engine 'unix:///x.sock': write tcp://ADDR"),
    ("10.64.16.0/20", "10.64.8.0/22", "8:103 subnets '10.64.8.0/22' of 'h2' overlap '10.64.0.0/20' of 'h1'"),
    ("10.64.16.0/20", "10.64.16.1/20", "8:103 cannot read subnets '10.64.16.1/20': write an IPv4 network"),
    ("10.64.16.0/20", "10.64.16.0/26", "8:103 cannot use subnets '10.64.16.0/26': room for one tenant needs"),
    ("      h2:", "      h3:", "12:7 host 'h3' is in 'dc3' already"),
]

SITES = [
    ("country: fr", "10:14 cannot read country 'fr': write two capital letters, as in FR"),
    ("country: FR\n    alias: dc3.example.com", "11:12 alias 'dc3.example.com' is that of 'dc3' already"),
    ("country: FR\n    alias: dc5.example.org", "11:12 alias 'dc5.example.org' is not in zone 'example.com'"),
    ("alias: dc5.example.com", "9:3 key 'country' is missing"),
]


def check_company(folder: Folder, expected: str) -> None:
    found = folder.problems()
    wanted = expected.split("|")
    assert len(found) == len(wanted), found
    for line, beginning in zip(found, wanted, strict=True):
        assert line.startswith(f"drp.yml:{beginning}"), line


@pytest.mark.parametrize(("old", "new", "expected"), [*COMPANY, *STORES, *ZONES, *HOSTS])
def test_a_key_of_the_company_is_wrong(folder: Folder, old: str, new: str, expected: str) -> None:
    folder.write("keys/dc9.signer.pub", PUBLIC)
    folder.replace("drp.yml", old, new)

    check_company(folder, expected)


@pytest.mark.parametrize(("line", "expected"), SITES)
def test_a_key_of_a_site_is_wrong(folder: Folder, line: str, expected: str) -> None:
    folder.replace("drp.yml", "  dc5:\n    country: FR", f"  dc5:\n    {line}")

    check_company(folder, expected)


def test_there_is_one_zone(folder: Folder) -> None:
    second = "  second: {kind: rfc2136, servers: [192.0.2.53], zone: example.org}\n"
    folder.replace("drp.yml", "images: {helper", f"{second}images: {{helper")

    check_company(folder, "20:3 cannot use zone 'second' beside 'main': one zone holds all names")


@pytest.mark.parametrize(
    ("ttls", "problem"),
    [
        ("ttl: 300s", ""),
        ("ttl: 30s, move-ttl: 30s", ""),
        ("move-ttl: 20s", "`move-ttl` is 20 s: Cloudflare takes 30 s to 86400 s"),
        ("ttl: 2d", "`ttl` is 172800 s: Cloudflare takes 30 s to 86400 s"),
        ("ttl: 30s", "`move-ttl` is longer than `ttl`: a move would be slower, not faster"),
    ],
)
def test_a_zone_at_cloudflare_has_ttls_that_it_takes(folder: Folder, ttls: str, problem: str) -> None:
    folder.replace("drp.yml", "kind: rfc2136, servers", f"kind: cloudflare, {ttls}, servers")

    assert [problem in each for each in folder.problems()] == ([True] if problem else [])


def test_a_shared_mistake_is_told_once(folder: Folder) -> None:
    folder.write("tenants/globex.yml", GLOBEX)
    folder.replace("drp.yml", "defaults:\n", "services: {api: {memory: 3}}\ndefaults:\n  freeze: 3\n")

    assert folder.problems() == [
        "drp.yml:21:26 cannot read size '3': write 8GiB or 8GB",
        "drp.yml:23:11 cannot read duration '3': write 15s, 5m, 2h or 30d",
    ]


def test_missing_dns_and_sites_are_told_and_not_what_follows_from_it(folder: Folder) -> None:
    folder.write("drp.yml", "version: 1\nwitness: far\n")
    folder.replace("tenants/acme.yml", "    disk", f"    images: {{api: {IMAGE}1}}\n    disk")

    assert folder.problems() == [
        "drp.yml:1:1 key 'sites' is missing",
        "drp.yml:1:1 key 'stores' is missing",
        "drp.yml:1:1 key 'dns' is missing",
        "drp.yml:1:1 key 'images.helper' is missing",
        "drp.yml:1:1 key 'images.edge' is missing",
        "drp.yml:2:10 unknown store 'far'",
        "tenants/acme.yml:2:3 key 'backup.store' is missing",
        "tenants/acme.yml:2:3 key 'backup.keys' is missing",
        "tenants/acme.yml:3:11 unknown site 'dc3'",
        "tenants/acme.yml:6:5 key 'mongodb' is missing",
        "tenants/acme.yml:6:5 key 'redis' is missing",
    ]


def test_a_home_without_hosts(folder: Folder) -> None:
    folder.replace(
        "drp.yml",
        f"      h3: {build_host('tcp://10.5.0.3:2376', '192.0.2.90', '8GiB', subnets='10.64.32.0/20')}\n",
        "",
    )
    folder.replace("drp.yml", "    country: FR\n    hosts:\nstores", "    country: FR\nstores")
    folder.replace("tenants/acme.yml", "home: dc3", "home: dc5")

    assert folder.problems() == ["tenants/acme.yml:3:11 site 'dc5' has no host, and it is the home of 'acme'"]


def test_two_tenants_with_one_domain(folder: Folder) -> None:
    folder.write("tenants/globex.yml", GLOBEX.replace("globex.example.com", "acme.example.com"))

    assert folder.problems() == [
        "tenants/globex.yml:4:15 domain 'acme.example.com' belongs to 'acme' already"
    ]
    assert folder.hints() == ["It is also at tenants/acme.yml:4:15."]


def test_dedicated_hosts_leave_room_for_the_others(folder: Folder) -> None:
    folder.write("tenants/globex.yml", GLOBEX + "    dedicated: true\n")
    assert folder.problems() == []

    folder.replace("tenants/acme.yml", "    disk", "    dedicated: true\n    disk")
    assert folder.problems() == []

    folder.write("keys/initech.backup.pub", PUBLIC)
    folder.write("tenants/initech.yml", GLOBEX.replace("globex", "initech"))
    assert folder.problems() == [
        "tenants/globex.yml:7:16 'dc3' has 2 hosts, 3 are needed: one each for acme, globex "
        "and one for the others"
    ]


def test_nobody_is_put_on_a_dedicated_host(folder: Folder) -> None:
    folder.write("tenants/globex.yml", GLOBEX + "    dedicated: true\n    host: h2\n")
    folder.replace("tenants/acme.yml", "    disk", "    host: h2\n    disk")

    assert folder.problems() == ["tenants/acme.yml:6:11 host 'h2' is dedicated to 'globex'"]


def test_the_same_entry_twice_names_both_places(folder: Folder) -> None:
    folder.write("more.yml", "timezone: UTC\ntenants: {acme: {tier: gold, home: dc5}}\nwitness: {a: b}\n")

    assert folder.problems() == [
        "more.yml:1:1 'timezone' is here twice",
        "more.yml:3:1 'witness' is here twice",
        "tenants/acme.yml:3:5 'tenants.acme.home' is here twice",
    ]
    assert folder.hints() == [
        "It is also at drp.yml:2:1.",
        "It is also at drp.yml:17:1.",
        "It is also at more.yml:2:30.",
    ]


def test_files_that_disagree_about_the_version(folder: Folder) -> None:
    folder.write("more.yml", "version: 2\n")

    assert folder.problems() == ["more.yml:1:1 'version' is here twice"]


def test_problems_of_all_files_come_at_once_and_sorted(folder: Folder) -> None:
    folder.replace("tenants/acme.yml", "domains:", "domian:")
    folder.replace("tenants/acme.yml", "20GiB", "8 Gigs")
    folder.write("tenants/globex.yml", GLOBEX.replace("home: dc3", "home: dc6"))
    folder.replace("drp.yml", "kind: rfc2136", "kind: bind")

    assert folder.problems() == [
        "drp.yml:19:16 cannot read 'kind': write one of rfc2136, cloudflare",
        "tenants/acme.yml:2:3 key 'domains' is missing",
        "tenants/acme.yml:4:5 unknown key 'domian'; did you mean 'domains'?",
        "tenants/acme.yml:6:11 cannot read size '8 Gigs': write 8GiB or 8GB",
        "tenants/globex.yml:3:11 unknown site 'dc6'; known: dc3, dc5",
    ]


def test_yaml_that_cannot_be_read_comes_from_all_files_too(folder: Folder) -> None:
    folder.write("a.yml", "sites: [\n")
    folder.write("b.yml", "a: &x 1\nb: *x\n")
    folder.write("c.yml", "- a\n")
    folder.write("tenants/d.yaml", "tenants: {}\n")

    found = folder.problems()
    assert [line.split(" ")[0] for line in found] == [
        "a.yml:2:1",
        "b.yml:1:4",
        "b.yml:2:4",
        "c.yml:1:1",
        "tenants/d.yaml:1:1",
    ]
    assert found[3].endswith("cannot read configuration: a map of settings is expected")
    assert found[4].endswith("this file is not read")


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        load_inventory(tmp_path / "none")

    problem = caught.value.problems[0]
    assert problem.message == "cannot read configuration: no *.yml file is there"
    assert problem.hint == "Write a first one with `drp config init`."


@pytest.mark.parametrize(
    ("name", "content", "expected"),
    [
        (
            "keys/acme.backup.pub",
            "not base64",
            "tenants/acme.yml:2:3 cannot read public key: it is not base64",
        ),
        ("keys/dc3.signer.pub", "AAAA", "drp.yml:1:1 cannot read public key: it has 3 bytes, not 32"),
        ("edge-ca.pem", "nothing", "drp.yml:1:1 cannot read certificate: it is not PEM"),
        (
            "edge-ca.pem",
            "-----BEGIN CERTIFICATE-----\nrubbish\n",
            "drp.yml:1:1 cannot read certificate: it is not PEM",
        ),
    ],
)
def test_a_public_text_that_is_none(folder: Folder, name: str, content: str, expected: str) -> None:
    folder.write(name, content)

    found = folder.problems()
    assert len(found) == 1
    assert found[0].startswith(expected)


def test_public_texts_that_are_not_there_say_how_they_are_made(folder: Folder) -> None:
    for name in ("edge-ca.pem", "keys/dc5.signer.pub", "keys/acme.backup.pub"):
        (folder.path / name).unlink()

    assert [line.split(" ", 1)[1] for line in folder.problems()] == [
        f"cannot read '{folder.path.as_posix()}/{name}': it does not exist".replace(
            f"{folder.path.as_posix()}/", ""
        )
        for name in ("edge-ca.pem", "keys/dc5.signer.pub", "keys/acme.backup.pub")
    ]
    assert folder.hints()[1:] == ["Make it with `drp secrets init`."] * 2


CANARY = "canary-4711"
IN_COMPANY = [
    ("  keys: {kind", f"  keys: {{key: {CANARY}, kind"),
    ("  keys: {kind", f"  keys: {{key: {{access: a, secret: {CANARY}}}, kind"),
    ("  keys: {kind", f"  keys: {{key: 'sealed: {CANARY}', kind"),
    ("  keys: {kind", f"  keys: {{key: 'sealed:{CANARY}/x y', kind"),
    ("  keys: {kind", f"  keys: {{key: '{CANARY}:x', kind"),
    ('keys: {kind: s3, url: "https://', f'keys: {{kind: s3, url: "https://a:{CANARY}@'),
    ("zone: example.com}", f"zone: example.com, key: [{CANARY}]}}"),
    ("zone: example.com}", f"zone: example.com, secret: {CANARY}}}"),
    ("images: {helper", f"secrets: {{unlock: {CANARY}}}\nimages: {{helper"),
    ("images: {helper", f"signers: {{dc3: {{private: {CANARY}}}}}\nimages: {{helper"),
]

IN_TENANT = [
    f"token: {CANARY}",
    f"password: {CANARY}",
    f"backup-key: {{private: {CANARY}}}",
    f"services: {{api: {{environment: {{DB_PASSWORD: {CANARY}}}}}}}",
    f"services: {{api: {{environment: {{URI: 'redis://:{CANARY}@redis'}}}}}}",
    f"smoke: [{{path: /, headers: {{Authorization: {CANARY}}}}}]",
]


def check_not_repeated(folder: Folder) -> None:
    with pytest.raises(ConfigError) as caught:
        load_inventory(folder.path)
    shown = [f"{each.message} {each.hint}" for each in caught.value.problems]
    assert CANARY not in " ".join(shown) + str(caught.value) + repr(caught.value)


@pytest.mark.parametrize(("old", "new"), IN_COMPANY)
def test_a_literal_secret_of_the_company_is_not_repeated(folder: Folder, old: str, new: str) -> None:
    folder.replace("drp.yml", old, new)

    check_not_repeated(folder)


@pytest.mark.parametrize("line", IN_TENANT)
def test_a_literal_secret_of_a_tenant_is_not_repeated(folder: Folder, line: str) -> None:
    folder.replace("tenants/acme.yml", "    disk", f"    {line}\n    disk")

    check_not_repeated(folder)


def test_a_literal_secret_says_where_it_belongs(folder: Folder) -> None:
    folder.replace("tenants/acme.yml", "    disk", f"    token: {CANARY}\n    disk")

    assert folder.problems() == [
        "tenants/acme.yml:6:12 a secret must not stand here: "
        "write sealed:NAME, env:NAME, file:PATH or command:PROGRAM"
    ]
    assert folder.hints() == [
        "Put it into the sealed file with `drp secrets set NAME`, and change it: it stood in a file."
    ]


def test_a_variable_may_name_the_file_of_a_secret(folder: Folder) -> None:
    folder.replace(
        "tenants/acme.yml",
        "    disk",
        "    services: {api: {environment: {TOKEN_KEY: /run/secrets/token.key, LEVEL: info}}}\n    disk",
    )

    assert folder.problems() == []


def test_unknown_keys_tell_what_is_known_when_nothing_is_near(folder: Folder) -> None:
    folder.replace("drp.yml", "images: {helper", "edge: {xyz: 1}\nimages: {helper")

    assert folder.hints() == ["Known here: ca."]
