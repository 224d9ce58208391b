"""What survives a restart of the proxy, a crash in the middle of a change, and two who change at once."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from drp.errors import RejectedError, UnreachableError
from drp.ports.edges import Route
from drp.providers.edge.haproxy import HaproxyEdge
from drp.testing.certificates import fingerprint_of
from drp.testing.contract_edges import AUTHORITY
from tests.providers.edge.local import LocalEdge, make_edge, running_edge
from tests.providers.edge.traffic import Client, Load, api, ask
from tests.providers.servers import wait_until

pytestmark = pytest.mark.servers

NAME, OTHER = "acme.example.test", "globex.example.test"
LIMIT = timedelta(seconds=90)


def map_file(local: LocalEdge, name: str) -> list[str]:
    return sorted((Path(local.settings.config) / name).read_text().splitlines())


def test_everything_survives_a_restart(tmp_path: Path) -> None:
    pem = AUTHORITY.issue(NAME)
    with running_edge(tmp_path, "127.0.0.5") as local:
        local.edge.set_certificate(NAME, pem)
        local.edge.set_certificate(OTHER, AUTHORITY.issue(OTHER))
        local.edge.set_route(NAME, Route("local", "192.0.2.1:80"))
        local.edge.set_route(OTHER, Route("closed"))
        local.edge.set_route("gone.example.test", Route("closed"))
        local.edge.set_route("gone.example.test", None)
        local.edge.hold(OTHER, LIMIT)
        local.edge.remove_certificate(OTHER)
        local.stop()
        with pytest.raises(UnreachableError, match=f"cannot change '{NAME}': the proxy does not answer"):
            local.edge.set_route(NAME, None)
        local.edge.install()
        local.start()
        assert local.edge.routes() == {NAME: Route("local", "192.0.2.1:80"), OTHER: Route("closed")}
        assert (local.edge.is_held(OTHER), local.edge.is_held(NAME)) == (True, False)
        assert local.edge.has_certificate(NAME, fingerprint_of(pem))
        assert not local.edge.has_certificate(OTHER, "")


def test_a_file_that_differs_from_the_proxy_is_set_right(tmp_path: Path) -> None:
    with running_edge(tmp_path, "127.0.0.5") as local:
        local.edge.set_route(NAME, Route("closed"))
        (Path(local.settings.config) / "routes.map").write_text("wrong.example.test closed\n")
        local.edge.set_route(OTHER, Route("edge", "192.0.2.1:443"))
        assert map_file(local, "routes.map") == [f"{NAME} closed", f"{OTHER} edge:192.0.2.1:443"]
        alike = NAME.replace(".", "-")
        local.edge.set_route(alike, Route("closed"))
        local.edge.set_route(NAME, Route("closed"))
        assert f"{alike} closed" in map_file(local, "routes.map")
        local.edge.set_route(alike, None)
        (Path(local.settings.config) / "routes.map").unlink()
        local.edge.set_route(OTHER, Route("edge", "192.0.2.1:443"))
        assert map_file(local, "routes.map") == [f"{NAME} closed", f"{OTHER} edge:192.0.2.1:443"]


def test_the_file_is_written_before_the_proxy_hears_of_it(tmp_path: Path) -> None:
    with running_edge(tmp_path, "127.0.0.5") as local:
        local.edge.set_route(NAME, Route("closed"))
        # a proxy that stops after it was asked what it has: the change is in the file alone
        script = local.container.commands[-1][2].replace('ask "set map', 'exit 3; ask "set map')
        argv = ["/bin/sh", "-c", script, "drp-edge", "set", "routes", NAME, "local:192.0.2.1:80"]
        assert local.container.execute("", argv, LIMIT).exit_code == 3
        assert local.edge.find_route(NAME) == Route("closed")
        assert map_file(local, "routes.map") == [f"{NAME} local:192.0.2.1:80"]
        local.edge.set_route(NAME, Route("local", "192.0.2.1:80"))
        assert local.edge.find_route(NAME) == Route("local", "192.0.2.1:80")


def test_an_installation_leaves_routes_alone_and_reloads(tmp_path: Path) -> None:
    with running_edge(tmp_path, "127.0.0.5") as local, api("one") as one:
        local.edge.set_certificate(NAME, AUTHORITY.issue(NAME))
        local.edge.set_route(NAME, Route("local", one.target))
        local.settings = replace(local.settings, idle_s=7, peers=("192.0.2.10",))
        assert not local.edge.is_installed()
        with Load(local, NAME) as load:
            wait_until(lambda: len(load.answers) > 10)
            local.edge.install()
            answered = len(load.answers)
            wait_until(lambda: len(load.answers) > answered + 10)
        assert local.edge.is_installed()
        assert local.edge.find_route(NAME) == Route("local", one.target)
        assert ask(local, NAME)[0] == 200


def test_a_proxy_that_holds_requests_is_not_reloaded(tmp_path: Path) -> None:
    with running_edge(tmp_path, "127.0.0.5") as local:
        local.edge.hold(NAME, LIMIT)
        changed = HaproxyEdge(local.container, replace(local.settings, peers=("192.0.2.10",)))
        with pytest.raises(RejectedError, match=r"cannot reload 'drp-edge': requests are held"):
            changed.install()
        assert (local.edge.is_installed(), changed.is_installed()) == (True, False)
        local.edge.release(NAME)
        changed.install()
        assert changed.is_installed()


@pytest.mark.failure_mode("C20")
def test_a_broken_configuration_is_not_loaded(tmp_path: Path) -> None:
    with running_edge(tmp_path, "127.0.0.5") as local:
        local.edge.set_route(NAME, Route("closed"))
        with pytest.raises(
            RejectedError, match=r"cannot reload 'drp-edge': the configuration is wrong: .ALERT"
        ):
            HaproxyEdge(local.container, replace(local.settings, authorities="none")).install()
        assert local.edge.is_installed()
        assert local.edge.find_route(NAME) == Route("closed")


def test_many_who_change_at_once_lose_nothing(tmp_path: Path) -> None:
    names = [f"tenant-{number}.example.test" for number in range(24)]
    with running_edge(tmp_path, "127.0.0.5") as local, ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda name: local.edge.set_route(name, Route("closed")), names))
        assert sorted(local.edge.routes()) == sorted(names)
        assert map_file(local, "routes.map") == sorted(f"{name} closed" for name in names)


def test_a_certificate_comes_without_disturbing_anybody(tmp_path: Path) -> None:
    with running_edge(tmp_path, "127.0.0.5") as local, api("one") as one:
        local.edge.set_certificate(NAME, AUTHORITY.issue(NAME))
        local.edge.set_route(NAME, Route("local", one.target))
        client = Client(local, NAME)
        assert client.ask()[0] == 200
        local.edge.set_certificate(OTHER, AUTHORITY.issue(OTHER))
        local.edge.set_certificate(NAME, AUTHORITY.issue(NAME, mark="renewed"))
        local.edge.remove_certificate(OTHER)
        # the same connection: a client never opens a second one
        assert client.ask()[0] == 200
        assert local.edge.requests_total(NAME) >= 1


def test_a_certificate_change_that_was_cut_off_stops_nobody(tmp_path: Path) -> None:
    with running_edge(tmp_path, "127.0.0.5") as local:
        local.edge.set_certificate(NAME, AUTHORITY.issue(NAME))
        pem = AUTHORITY.issue(NAME, mark="cut").reveal().decode()
        said = local.runtime(f"set ssl cert {local.settings.secrets}/{NAME}.pem <<\n{pem}\n")
        assert "Transaction" in said
        other = AUTHORITY.issue(OTHER)
        local.edge.set_certificate(OTHER, other)
        assert local.edge.has_certificate(OTHER, fingerprint_of(other))


def test_no_key_is_in_any_command(tmp_path: Path) -> None:
    pem = AUTHORITY.issue(NAME)
    with running_edge(tmp_path, "127.0.0.5") as local:
        local.edge.set_certificate(NAME, pem)
        local.edge.remove_certificate(NAME)
        key = pem.reveal().decode().split("PRIVATE KEY-----\n")[1].splitlines()[0]
        assert key not in repr(local.container.commands)
        assert "BEGIN" not in repr(local.container.commands)
        # and none stays on disk: only the host's tmpfs has it, until it is removed
        files = [file for file in tmp_path.rglob("*") if file.is_file()]
        assert not [file for file in files if key.encode() in file.read_bytes()]


@pytest.mark.parametrize(
    "name", ["", "A.example.test", "a b", "a;b", "../a", "a..b", "-a.b", "x" * 254, "a\nb"]
)
def test_a_name_that_could_be_a_command_is_refused(tmp_path: Path, name: str) -> None:
    edge = make_edge(tmp_path, "127.0.0.5").edge
    for change in (
        lambda: edge.set_route(name, None),
        lambda: edge.hold(name, LIMIT),
        lambda: edge.release(name),
        lambda: edge.has_certificate(name, ""),
        lambda: edge.set_certificate(name, AUTHORITY.issue(NAME)),
        lambda: edge.remove_certificate(name),
    ):
        with pytest.raises(RejectedError, match="it is no host name in lower case"):
            change()
