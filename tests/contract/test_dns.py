"""The DNS contract on the fake, on two real name servers, and on a Cloudflare of our own."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from drp.errors import DeniedError
from drp.ports.dns import Dns, RecordSet
from drp.providers.dns.rfc2136 import Rfc2136Dns
from drp.testing.cloudflare.server import READER, FakeCloudflare
from drp.testing.contract_dns import DnsContract
from drp.testing.dns import FakeDns
from tests.providers.dns.bind import OTHER_KEY, Servers, make_key, make_zone, name_servers
from tests.providers.dns.cloudflare import check_described, cloudflare, open_zone
from tests.providers.servers import free_port, wait_until


class TestFakeDns(DnsContract):
    def make_dns(self) -> Dns:
        return FakeDns()

    def make_denied(self) -> Dns:
        dns = FakeDns()
        dns.denied = True
        return dns

    def make_unreachable(self) -> Dns:
        dns = FakeDns()
        dns.down.update(dns.servers())
        return dns

    def wait_replicated(self, dns: Dns, wanted: RecordSet) -> None:
        """The fake replicates with the change."""


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Servers]:
    with name_servers(tmp_path_factory.mktemp("dns")) as running:
        yield running


@pytest.mark.servers
class TestRfc2136Dns(DnsContract):
    @pytest.fixture(autouse=True)
    def _servers(self, servers: Servers) -> None:
        self.bind = servers

    def make_dns(self) -> Dns:
        return Rfc2136Dns(self.bind.zone(), make_key())

    def make_denied(self) -> Dns:
        return Rfc2136Dns(self.bind.zone(), make_key(name="stranger"))

    def make_unreachable(self) -> Dns:
        return Rfc2136Dns(make_zone(f"127.0.0.1#{free_port()}"), make_key())

    def wait_replicated(self, dns: Dns, wanted: RecordSet) -> None:
        wait_until(lambda: all(dns.ask(s, wanted.name, wanted.type) == wanted for s in dns.servers()))


@pytest.fixture(scope="module")
def service() -> Iterator[FakeCloudflare]:
    with cloudflare() as running:
        yield running
    assert check_described(running.api.exchanges) == []


class TestCloudflareDns(DnsContract):
    @pytest.fixture(autouse=True)
    def _service(self, service: FakeCloudflare) -> None:
        self.service = service

    def make_dns(self) -> Dns:
        return open_zone(self.service)

    def make_denied(self) -> Dns:
        return open_zone(self.service, token=READER)

    def make_unreachable(self) -> Dns:
        nobody = f"127.0.0.1#{free_port()}"
        return open_zone(self.service, zone=make_zone(nobody), url=f"http://127.0.0.1:{free_port()}")

    def wait_replicated(self, dns: Dns, wanted: RecordSet) -> None:
        """Its name servers read the same records."""


@pytest.mark.servers
class TestRfc2136Keys:
    @pytest.fixture(autouse=True)
    def _servers(self, servers: Servers) -> None:
        self.bind = servers

    @pytest.mark.parametrize(
        "key",
        [
            {"secret": OTHER_KEY},
            {"name": "unknown"},
            {"algorithm": "hmac-sha512"},
        ],
    )
    def test_a_wrong_key_is_denied(self, key: dict[str, str]) -> None:
        dns = Rfc2136Dns(self.bind.zone(), make_key(**key))
        with pytest.raises(DeniedError, match="does not take the key"):
            dns.find("ns1.example.test", "A")

    def test_a_secondary_is_asked_without_a_key(self) -> None:
        dns = Rfc2136Dns(self.bind.zone(), make_key(secret=OTHER_KEY))
        found = dns.ask(dns.servers()[0], "ns1.example.test", "A")
        assert found is not None
        assert found.values == ("127.0.0.1",)

    def test_a_delegated_name_is_not_ours(self) -> None:
        dns = Rfc2136Dns(self.bind.zone(), make_key())
        with pytest.raises(Exception, match="the server has no authority for it"):
            dns.find("a.sub.example.test", "A")
