"""The controller on loopback: ``/health`` as JSON, ``/metrics`` for Prometheus."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Final

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Gauge, generate_latest

from drp.commands.controller.figures import Figures
from drp.commands.controller.standing import ACTIVE, Standing
from drp.errors import RefusedError
from drp.model.inventory import Tenant
from drp.ports.clock import Clock

_LABELS: Final = ("tenant", "site", "env")
_ADDRESS: Final = "127.0.0.1"


def render_health(standing: Standing, clock: Clock) -> tuple[int, bytes]:
    """(HTTP status, body): 503 as soon as something is not well."""
    now = clock.now()
    return (200 if standing.is_well(now) else 503), json.dumps(standing.to_json(now)).encode() + b"\n"


def render_metrics(standing: Standing, clock: Clock, tenants: Mapping[str, Tenant]) -> bytes:
    """What was seen last; labels are names of the configuration, never free text."""
    registry = CollectorRegistry()
    up = Gauge("drp_tenant_up", "Whether the tenant is proven to serve", _LABELS, registry=registry)
    epoch = Gauge("drp_epoch", "Epoch that serves", _LABELS, registry=registry)
    lag = Gauge("drp_rpo_lag_seconds", "Age of what a restore would bring", _LABELS, registry=registry)
    last = Gauge(
        "drp_backup_last_success_timestamp_seconds", "Begin of the newest backup", _LABELS, registry=registry
    )
    active = Gauge("drp_controller_active", "Whether this controller is the one", registry=registry)
    now = clock.now()
    with standing.lock:
        active.set(standing.role == ACTIVE)
        for name, served in standing.served.items():
            labels = (name, served.site, tenants[name].env)
            up.labels(*labels).set(bool(served.is_proven and served.writes))
            epoch.labels(*labels).set(served.epoch)
        for name, began in standing.began.items():
            served_by = standing.served.get(name)
            labels = (name, served_by.site if served_by else "unknown", tenants[name].env)
            last.labels(*labels).set(began.timestamp())
            lag.labels(*labels).set((now - began).total_seconds())
        if standing.figures is not None:
            _add_figures(registry, standing.figures, tenants)
    return generate_latest(registry)


def _add_figures(registry: CollectorRegistry, figures: Figures, tenants: Mapping[str, Tenant]) -> None:
    own = ("tenant", "env")
    at = Gauge(
        "drp_restore_proof_timestamp_seconds",
        "When the last drill of the tenant ended",
        own,
        registry=registry,
    )
    ok = Gauge("drp_restore_proof_ok", "Whether it proved that a restore works", own, registry=registry)
    for name, proof in figures.proofs.items():
        at.labels(name, tenants[name].env).set(proof.moment.timestamp())
        ok.labels(name, tenants[name].env).set(proof.ok)
    held = Gauge("drp_lease_held", "Whether a run has the tenant's lease", own, registry=registry)
    for name, tenant in tenants.items():
        held.labels(name, tenant.env).set(name in figures.held)
    runs = Gauge("drp_runs", "Runs that the witness knows", ("verb", "state"), registry=registry)
    for (verb, state), number in figures.runs.items():
        runs.labels(verb, state).set(number)
    lag = Gauge("drp_journal_copy_lag_records", "Records that the witness has not yet", registry=registry)
    lag.set(figures.lag)


@contextmanager
def answering(standing: Standing, clock: Clock, tenants: Mapping[str, Tenant], *, port: int) -> Iterator[int]:
    """While inside, loopback is answered; gives the port (one that is free for 0). Raises RefusedError."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if self.path == "/health":
                self._answer(*render_health(standing, clock), kind="application/json")
            elif self.path == "/metrics":
                self._answer(200, render_metrics(standing, clock, tenants), kind=CONTENT_TYPE_LATEST)
            else:
                self._answer(404, b"/health or /metrics\n", kind="text/plain")

        def _answer(self, status: int, body: bytes, *, kind: str) -> None:
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            """Nobody reads that."""

    try:
        server = ThreadingHTTPServer((_ADDRESS, port), Handler)
    except OSError as error:
        raise RefusedError(
            f"cannot listen on '{_ADDRESS}:{port}': {error.strerror}",
            hint="Name another with `drp serve --port 0`.",
        ) from error
    thread = threading.Thread(target=server.serve_forever, args=(0.1,), daemon=True, name="health")
    thread.start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
