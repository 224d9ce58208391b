"""The picture in the README: `python -m tests.reports.picture` loses a site of the company in memory and
looks at the report of the failover."""

from __future__ import annotations

import copy
import tempfile
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

from drp.actions.orders import Order
from drp.commands.desk import Desk
from drp.commands.fleet.launch import launch
from drp.commands.fleet.orders import Consent
from drp.commands.journals import read_local
from drp.model.policies import Policies
from drp.ports.clock import Clock
from drp.reports.building import build_report
from drp.reports.html import render_html
from drp.testing.company import FakeCompany
from tests.actions.runs import deploy
from tests.commands.bench import Bench
from tests.reports.browser import open_browser, show

PICTURE: Final = Path(__file__).parents[2] / "drp" / "reports" / "report.png"
TENANTS: Final = ("acme", "globex", "initech")
_SIZE: Final = (1000, 1180)
_PASSES: Final = timedelta(milliseconds=40)
_BARS: Final = Policies(rto=timedelta(minutes=15), rpo=timedelta(seconds=30))


@dataclass(frozen=True, slots=True)
class PassingClock:
    """In memory nothing takes time; here some passes whenever the run looks at its clock."""

    clock: Clock

    def now(self) -> datetime:
        self.clock.wait(_PASSES)
        return self.clock.now()

    def monotonic(self) -> float:
        return self.clock.monotonic()

    def wait(self, duration: timedelta) -> None:
        self.clock.wait(duration)


def main() -> None:
    with tempfile.TemporaryDirectory() as folder, open_browser() as browser:
        page_file = Path(folder) / "report.html"
        page_file.write_text(render_html(build_report(read_local(fail_over(Path(folder))))))
        with show(browser, page_file) as (page, _):
            page.set_viewport_size({"width": _SIZE[0], "height": _SIZE[1]})
            page.screenshot(path=PICTURE)
    print(f"{PICTURE}: {PICTURE.stat().st_size:,} B")


def fail_over(folder: Path) -> Path:
    """The journal of a failover of three tenants, of which one is set aside."""
    company = FakeCompany()
    company.inventory = replace(company.inventory, policies=_BARS)
    bench = Bench(folder / "before", company=company)
    for tenant in TENANTS:
        deploy(company, tenant)
    for verb, site in (("backup", ""), ("reserve", "dc5")):
        _give(bench, bench.desk(), verb, source="", site=site)
    bench = Bench(folder / "run", company=copy.deepcopy(company))
    bench.company.lose("dc3")
    bench.company.clock.advance(timedelta(seconds=19))
    old = bench.company.zone.find("globex.example.test", "CNAME")
    assert old is not None
    bench.company.zone.replace(old, replace(old, values=("elsewhere.example.test",)))
    clock = PassingClock(bench.company.clock)
    _give(bench, replace(bench.desk(), clock=clock), "failover", source="dc3", site="dc5")
    return next(bench.state.glob("failover-*.journal"))


def _give(bench: Bench, desk: Desk, verb: str, *, source: str, site: str) -> None:
    order = Order(verb=verb, run="", tenant="", tenants=TENANTS, source=source, site=site)
    launch(desk, bench.workshop, order, consent=Consent(expect_tenants=3, accept_loss=timedelta(hours=1)))


if __name__ == "__main__":
    main()
