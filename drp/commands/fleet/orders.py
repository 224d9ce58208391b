"""Which tenants are meant, and what was agreed to."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from drp.errors import RefusedError, UsageError
from drp.model.inventory import Inventory, Tenant
from drp.model.values import render_list


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """``everyone``, or all that match every one of the others that is given, less ``without``."""

    everyone: bool = False
    tenants: tuple[str, ...] = ()
    env: str = ""
    tier: str = ""
    without: tuple[str, ...] = ()

    @property
    def is_given(self) -> bool:
        return self.everyone or bool(self.tenants or self.env or self.tier)

    def find(self, inventory: Inventory, verb: str) -> tuple[str, ...]:
        """Names, as configured. Raises UsageError for unknown ones, RefusedError when nobody is meant."""
        unknown = [name for name in (*self.tenants, *self.without) if name not in inventory.tenants]
        if unknown:
            raise UsageError(
                f"cannot {verb} '{unknown[0]}': there is no such tenant",
                hint=f"Known: {render_list(sorted(inventory.tenants)) or 'none'}; see `drp status`.",
            )
        if not self.is_given:
            raise RefusedError(
                f"cannot {verb} nobody: say which tenants are meant",
                state="nothing was touched",
                hint="Add `--all`, `--tenants A,B`, `--env E` or `--tier T`.",
            )
        found = tuple(name for name, tenant in inventory.tenants.items() if self._is_meant(tenant))
        if not found:
            raise RefusedError(
                f"cannot {verb} nobody: no tenant matches",
                state="nothing was touched",
                hint="See who there is with `drp status`.",
            )
        return found

    def _is_meant(self, tenant: Tenant) -> bool:
        return (
            tenant.name not in self.without
            and (not self.tenants or tenant.name in self.tenants)
            and self.env in ("", tenant.env)
            and self.tier in ("", tenant.tier)
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Consent:
    """What was given as options: how many tenants are expected to move, which loss is
    accepted, and in which ``mode`` a site that shows life is left ("": to be asked)."""

    expect_tenants: int | None = None
    accept_loss: timedelta | None = None
    mode: str = ""


NOBODY: Final = Selection()
NO_CONSENT: Final = Consent()
