"""After a restart of a host: nothing starts by itself, ``drp start`` lets serve what is served there."""

from __future__ import annotations

from tests.lab.company import Company


def test_c19_a_restarted_host_serves_again(company: Company) -> None:
    tenant = company.lab.names.tenants[0]
    company.ensure_deployed(tenant)
    served = company.ops1.drp("status", tenant)["tenants"][0]
    host = company.lab.hosts[served["host"]]
    host.power_off()
    host.boot()
    assert company.ops1.drp("status", tenant)["tenants"][0]["serves"] == "unknown"
    report = company.ops1.drp("start", served["host"])
    assert {each["tenant"]: each["status"] for each in report["tenants"]}[tenant] == "done"
    after = company.ops1.drp("status", tenant)["tenants"][0]
    assert (after["serves"], after["writes"], after["epoch"]) == (served["serves"], True, served["epoch"])
