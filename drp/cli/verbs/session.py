"""One invocation in one process: what every verb works with."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from drp.cli.invocation import Common, Invocation
from drp.cli.names import keep_names
from drp.cli.places import state_folder
from drp.cli.presenter import Presenter
from drp.cli.process import Process, operator_of
from drp.cli.signals import listen
from drp.commands.desk import Desk, Workshop
from drp.commands.fleet.results import AnyResult
from drp.commands.wiring import Places
from drp.engine.faults import load_faults


@dataclass(frozen=True, slots=True)
class Session:
    """A verb is a function from this to its result."""

    invocation: Invocation
    process: Process
    presenter: Presenter

    @property
    def common(self) -> Common:
        return self.invocation.common

    @property
    def state(self) -> Path:
        """Folder of the journals."""
        return state_folder(self.common.state, self.process.environment)

    def open(self) -> Workshop:
        """The way to the world, by the configuration. Raises ConfigError, RefusedError."""
        workshop = self.process.open_workshop(self.places())
        inventory = workshop.inventory
        self.presenter.use_zone(inventory.timezone)
        self.keep_names(tenants=inventory.tenants, sites=inventory.sites)
        return workshop

    def keep_names(self, **seen: Iterable[str]) -> None:
        """For the shell's completion: names of ``tenants``, ``sites`` or ``runs``."""
        keep_names(self.process.environment, **seen)

    def places(self) -> Places:
        """Where everything is."""
        return Places(
            config=self.common.config,
            runbooks=self.common.runbooks,
            key_file=self.common.key_file,
            operator=operator_of(self.process.environment),
            environment=self.process.environment,
            ask=self.presenter.answers.passphrase,
        )

    def desk(self) -> Desk:
        """What a run takes from this process; from here on it leaves its lines in a log."""
        self.presenter.use_log(self.state)
        return Desk(
            state=self.state,
            operator=operator_of(self.process.environment),
            clock=self.process.clock,
            emit=self.presenter.emit,
            ask=self.presenter.answers.ask,
            type_in=self.presenter.answers.type_in,
            show=self.presenter.show,
            stops=listen,
            tail=self.process.tail,
            faults=load_faults(self.process.environment),
        )


Do = Callable[[Session], AnyResult]
