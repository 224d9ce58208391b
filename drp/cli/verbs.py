"""What each verb does: the right use case with the right arguments, its result to the presenter."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from drp.actions.facts import Order
from drp.cli.invocation import Invocation
from drp.cli.places import state_folder
from drp.cli.presenter import Presenter
from drp.cli.process import Process, operator_of, this_process, write_bug_log
from drp.cli.signals import listen
from drp.commands import check, configure, launch, recover, sealing
from drp.commands.desk import Desk, Workshop
from drp.commands.events import QuestionEvent
from drp.commands.results import Result
from drp.commands.saved import SavedPlan, load_plan, save_plan
from drp.commands.status import Observer
from drp.commands.wiring import Places
from drp.engine.faults import load_faults
from drp.errors import DrpError, UsageError


def run(invocation: Invocation, process: Process | None = None) -> int:
    """Do it; the exit code. Never raises."""
    process = process or this_process(no_color=invocation.common.no_color)
    presenter = Presenter(process.streams, invocation, now=process.clock.now)
    try:
        with presenter.ticking():
            result = Verb(invocation, process, presenter).do()
        return presenter.finish(result)
    except (DrpError, KeyboardInterrupt) as error:
        return presenter.fail(error)
    except Exception as error:
        # The outermost boundary: a traceback belongs into a log, not onto the operator's screen.
        log = write_bug_log(state_folder(invocation.common.state, process.environment), process.clock.now())
        return presenter.fail(error, log=log)


class Verb:
    """One invocation in one process."""

    def __init__(self, invocation: Invocation, process: Process, presenter: Presenter) -> None:
        self._invocation = invocation
        self._common = invocation.common
        self._process = process
        self._presenter = presenter
        self._state = state_folder(self._common.state, process.environment)

    def do(self) -> Result:
        """Raises what the use case raises."""
        return _DO[self._invocation.verb](self)

    def change(self) -> Result:
        workshop = self._open()
        saved = load_plan(self._invocation.plan) if self._invocation.plan else None
        order = self._order(workshop, saved)
        if not self._common.dry_run:
            return launch.launch(self._desk(), workshop, order, saved=saved)
        found = launch.plan(workshop, order)
        if self._invocation.out is not None:
            save_plan(self._invocation.out, found)
        return found

    def recover(self) -> Result:
        workshop, back = self._open(), self._invocation.verb == "rollback"
        if self._common.dry_run:
            return recover.inspect(self._desk(), workshop, self._invocation.subject, back=back)
        return recover.recover(self._desk(), workshop, self._invocation.subject, back=back)

    def status(self) -> Result:
        workshop = self._open()
        observer = Observer(workshop.ports, self._state, is_alive=workshop.is_alive)
        return observer.status(self._invocation.subject)

    def check(self) -> Result:
        return check.check(self._open().ports, self._invocation.areas)

    def config_init(self) -> Result:
        return configure.init_config(self._common.config, dry_run=self._common.dry_run)

    def config_show(self) -> Result:
        return configure.show_config(self._common.config, self._invocation.subject)

    def config_schema(self) -> Result:
        return configure.show_schema()

    def secrets_init(self) -> Result:
        return sealing.init_secrets(self._places(), dry_run=self._common.dry_run)

    def secrets_set(self) -> Result:
        def confirm(text: str) -> bool:
            return self._presenter.answers.ask(QuestionEvent(code="replace", text=text, flag="--yes"))

        return sealing.set_secret(
            self._places(),
            self._invocation.subject,
            lambda: self._presenter.answers.secret(self._invocation.subject, self._invocation.file),
            confirm=confirm,
            dry_run=self._common.dry_run,
        )

    def secrets_list(self) -> Result:
        return sealing.list_secrets(self._places())

    def _order(self, workshop: Workshop, saved: SavedPlan | None) -> Order:
        """Raises UsageError for a tenant or site the configuration does not know, or another verb's plan."""
        verb = self._invocation.verb
        if saved is not None and saved.order.verb != verb:
            raise UsageError(f"cannot {verb} by '{self._invocation.plan}': it plans to {saved.order.verb}")
        tenant = saved.order.tenant if saved else self._invocation.subject
        known = workshop.inventory.tenants
        if tenant not in known:
            raise UsageError(
                f"cannot {verb} '{tenant}': there is no such tenant",
                hint=f"Known: {', '.join(sorted(known)[:10]) or 'none'}.",
            )
        site = (saved.order.site if saved else self._invocation.site) or known[tenant].home
        if site not in workshop.inventory.sites:
            raise UsageError(
                f"cannot {verb} '{tenant}': there is no site '{site}'",
                hint=f"Known: {', '.join(workshop.inventory.sites)}.",
            )
        return Order(verb=verb, run="", tenant=tenant, site=site)

    def _open(self) -> Workshop:
        workshop = self._process.open_workshop(self._places())
        self._presenter.use_zone(workshop.inventory.timezone)
        return workshop

    def _places(self) -> Places:
        return Places(
            config=self._common.config,
            runbooks=self._common.runbooks,
            key_file=self._common.key_file,
            operator=operator_of(self._process.environment),
            environment=self._process.environment,
            ask=self._presenter.answers.passphrase,
        )

    def _desk(self) -> Desk:
        self._presenter.use_log(self._state)
        return Desk(
            state=self._state,
            operator=operator_of(self._process.environment),
            clock=self._process.clock,
            emit=self._presenter.emit,
            ask=self._presenter.answers.ask,
            show=self._presenter.show,
            stops=listen,
            tail=self._process.tail,
            faults=load_faults(self._process.environment),
        )


_DO: Final[Mapping[str, Callable[[Verb], Result]]] = {
    "deploy": Verb.change,
    "migrate": Verb.change,
    "retire": Verb.change,
    "status": Verb.status,
    "check": Verb.check,
    "resume": Verb.recover,
    "rollback": Verb.recover,
    "config init": Verb.config_init,
    "config show": Verb.config_show,
    "config schema": Verb.config_schema,
    "secrets init": Verb.secrets_init,
    "secrets set": Verb.secrets_set,
    "secrets list": Verb.secrets_list,
}
