"""What every DNS zone must do. Subclass in a test module and say how a zone is reached."""

from __future__ import annotations

from itertools import count

import pytest

from drp.errors import ConflictError, DeniedError, RejectedError, UnreachableError
from drp.ports.dns import Change, Dns, RecordSet

_NUMBERS = count(1)


class DnsContract:
    """Tests use names of their own, so all may share one zone. The zone has two servers or more."""

    def make_dns(self) -> Dns:
        """The zone, seen by an identity that may change it."""
        raise NotImplementedError

    def make_denied(self) -> Dns:
        """The zone, seen by an identity that may not."""
        raise NotImplementedError

    def make_unreachable(self) -> Dns:
        """A zone whose servers do not answer."""
        raise NotImplementedError

    def wait_replicated(self, dns: Dns, wanted: RecordSet) -> None:
        """Return when all servers should have ``wanted``; fail after a while."""
        raise NotImplementedError

    @pytest.fixture
    def dns(self) -> Dns:
        return self.make_dns()

    @pytest.fixture
    def name(self, dns: Dns) -> str:
        return f"name-{next(_NUMBERS)}.{dns.zone()}"

    def test_records_are_created_changed_and_removed(self, dns: Dns, name: str) -> None:
        first, second = address(name, "192.0.2.10", "192.0.2.11"), address(name, "198.51.100.9")
        assert dns.find(name, "A") is None
        dns.replace(None, first)
        assert dns.find(name, "A") == first
        dns.replace(first, second)
        assert dns.find(name, "A") == second
        dns.replace(second, None)
        assert dns.find(name, "A") is None

    def test_a_cname_is_pointed_elsewhere(self, dns: Dns, name: str) -> None:
        old, new = alias(name, f"dc3.{dns.zone()}"), alias(name, f"dc5.{dns.zone()}", ttl=120)
        dns.replace(None, old)
        dns.replace(old, new)
        assert dns.find(name, "CNAME") == new
        assert dns.find(name, "A") is None

    def test_an_alias_outside_the_zone_is_kept_as_it_is(self, dns: Dns, name: str) -> None:
        dns.replace(None, alias(name, "edge.elsewhere.test"))
        assert dns.find(name, "CNAME") == alias(name, "edge.elsewhere.test")

    def test_only_the_ttl_changes(self, dns: Dns, name: str) -> None:
        dns.replace(None, address(name, "192.0.2.10", ttl=300))
        dns.replace(address(name, "192.0.2.10", ttl=300), address(name, "192.0.2.10", ttl=120))
        assert dns.find(name, "A") == address(name, "192.0.2.10", ttl=120)

    def test_the_old_ttl_is_not_compared(self, dns: Dns, name: str) -> None:
        dns.replace(None, address(name, "192.0.2.10", ttl=300))
        dns.replace(address(name, "192.0.2.10", ttl=1), address(name, "192.0.2.11"))
        assert dns.find(name, "A") == address(name, "192.0.2.11")

    def test_a_type_is_exchanged_in_one_change(self, dns: Dns, name: str) -> None:
        addresses, cname = address(name, "192.0.2.10"), alias(name, f"dc5.{dns.zone()}")
        dns.replace(None, addresses)
        dns.replace(addresses, cname)
        assert (dns.find(name, "A"), dns.find(name, "CNAME")) == (None, cname)
        dns.replace(cname, addresses)
        assert (dns.find(name, "A"), dns.find(name, "CNAME")) == (addresses, None)

    @pytest.mark.parametrize(
        "stale", [("192.0.2.99",), ("192.0.2.10",), ("192.0.2.10", "192.0.2.11", "192.0.2.12")]
    )
    def test_a_stale_value_changes_nothing(self, dns: Dns, name: str, stale: tuple[str, ...]) -> None:
        there = address(name, "192.0.2.10", "192.0.2.11")
        dns.replace(None, there)
        with pytest.raises(ConflictError, match=f"cannot change '{name}'"):
            dns.replace(address(name, *stale), address(name, "198.51.100.9"))
        with pytest.raises(ConflictError):
            dns.replace(address(name, *stale), None)
        assert dns.find(name, "A") == there

    def test_what_was_absent_must_be_absent(self, dns: Dns, name: str) -> None:
        there = address(name, "192.0.2.10")
        dns.replace(None, there)
        with pytest.raises(ConflictError):
            dns.replace(None, there)
        with pytest.raises(ConflictError):
            dns.replace(None, address(name, "198.51.100.9"))
        assert dns.find(name, "A") == there

    def test_what_was_present_must_be_present(self, dns: Dns, name: str) -> None:
        with pytest.raises(ConflictError):
            dns.replace(address(name, "192.0.2.10"), address(name, "192.0.2.11"))
        assert dns.find(name, "A") is None

    def test_a_cname_stands_alone(self, dns: Dns, name: str) -> None:
        cname, addresses = alias(name, f"dc3.{dns.zone()}"), address(name, "192.0.2.10")
        dns.replace(None, addresses)
        with pytest.raises(ConflictError):
            dns.replace(None, cname)
        dns.replace(addresses, cname)
        with pytest.raises(ConflictError):
            dns.replace(None, addresses)
        assert (dns.find(name, "A"), dns.find(name, "CNAME")) == (None, cname)

    def test_a_cname_does_not_take_the_place_of_one_of_two_types(self, dns: Dns, name: str) -> None:
        text = RecordSet(name=name, type="TXT", ttl=60, values=('"keep me"',))
        addresses = address(name, "192.0.2.10")
        dns.replace(None, addresses)
        dns.replace(None, text)
        with pytest.raises(ConflictError):
            dns.replace(addresses, alias(name, f"dc5.{dns.zone()}"))
        assert dns.find(name, "TXT") == text
        assert dns.find(name, "CNAME") is None

    def test_a_name_outside_the_zone_is_refused(self, dns: Dns) -> None:
        with pytest.raises(RejectedError, match=r"cannot change 'a\.elsewhere\.test'"):
            dns.replace(None, address("a.elsewhere.test", "192.0.2.10"))

    def test_many_are_found_at_once(self, dns: Dns, name: str) -> None:
        addresses, text = (
            address(name, "192.0.2.10"),
            RecordSet(name=f"b.{name}", type="TXT", ttl=60, values=('"b"',)),
        )
        dns.replace(None, addresses)
        dns.replace(None, text)
        asked = [(name, "A"), (f"b.{name}", "TXT"), (name, "TXT"), (f"none.{name}", "A"), (name, "A")]
        assert dns.find_all(asked) == [addresses, text, None, None, addresses]
        assert dns.find_all([]) == []

    def test_many_are_changed_at_once(self, dns: Dns, name: str) -> None:
        names = [f"{number}.{name}" for number in range(5)]
        old = [alias(each, f"dc3.{dns.zone()}") for each in names]
        new = [alias(each, f"dc5.{dns.zone()}", ttl=120) for each in names]
        assert dns.replace_all([(None, each) for each in old]) == [None] * 5
        assert dns.replace_all([*zip(old, new, strict=True)]) == [None] * 5
        assert dns.find_all([(each, "CNAME") for each in names]) == new
        assert dns.replace_all([(each, None) for each in new]) == [None] * 5
        assert dns.find_all([(each, "CNAME") for each in names]) == [None] * 5
        assert dns.replace_all([]) == []

    def test_what_cannot_be_changed_leaves_the_others_alone(self, dns: Dns, name: str) -> None:
        names = [f"{number}.{name}" for number in range(5)]
        there = [address(each, "192.0.2.10") for each in names]
        new = [address(each, "198.51.100.9") for each in names]
        dns.replace_all([(None, each) for each in there])
        changes: list[Change] = [*zip(there, new, strict=True)]
        changes[1] = (address(names[1], "192.0.2.99"), new[1])
        changes[3] = (there[3], address("a.elsewhere.test", "198.51.100.9"))
        results = dns.replace_all(changes)
        assert [type(each) for each in results] == [
            type(None),
            ConflictError,
            type(None),
            RejectedError,
            type(None),
        ]
        assert str(results[1]).startswith(f"cannot change '{names[1]}'")
        found = dns.find_all([(each, "A") for each in names])
        assert found == [new[0], there[1], new[2], there[3], new[4]]

    def test_every_server_is_asked_by_itself(self, dns: Dns, name: str) -> None:
        records = address(name, "192.0.2.10", "192.0.2.11")
        assert len(dns.servers()) >= 2
        dns.replace(None, records)
        self.wait_replicated(dns, records)
        assert [dns.ask(server, name, "A") for server in dns.servers()] == [records] * len(dns.servers())
        assert [dns.ask(server, name, "TXT") for server in dns.servers()] == [None] * len(dns.servers())

    def test_without_rights_nothing_changes(self, dns: Dns, name: str) -> None:
        with pytest.raises(DeniedError, match=f"cannot change '{name}'"):
            self.make_denied().replace(None, address(name, "192.0.2.10"))
        with pytest.raises(DeniedError):
            self.make_denied().replace_all([(None, address(name, "192.0.2.10"))])
        assert dns.find(name, "A") is None

    def test_no_answer_is_no_missing_record(self, name: str) -> None:
        gone = self.make_unreachable()
        with pytest.raises(UnreachableError) as caught:
            gone.find(name, "A")
        with pytest.raises(UnreachableError):
            gone.find_all([(name, "A")])
        assert caught.value.transient
        with pytest.raises(UnreachableError):
            gone.ask(gone.servers()[0], name, "A")
        with pytest.raises(UnreachableError):
            gone.replace(None, address(name, "192.0.2.10"))
        with pytest.raises(UnreachableError):
            gone.replace_all([(None, address(name, "192.0.2.10"))])


def address(name: str, *values: str, ttl: int = 60) -> RecordSet:
    return RecordSet(name=name, type="A", ttl=ttl, values=values)


def alias(name: str, target: str, ttl: int = 60) -> RecordSet:
    return RecordSet(name=name, type="CNAME", ttl=ttl, values=(target,))
