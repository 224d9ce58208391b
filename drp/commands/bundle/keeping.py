"""``drp bundle put`` and what the controller does: a fresh bundle in every store that shall have one."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from functools import reduce
from pathlib import Path
from tempfile import mkdtemp

from drp.commands.bundle.making import fill
from drp.commands.bundle.stored import (
    find_carried,
    prune_bundles,
    put_bundle,
    read_images,
)
from drp.commands.desk import Workshop
from drp.commands.endings import DONE, PARTIAL
from drp.commands.results import Listing
from drp.commands.runs import StateFolder
from drp.errors import DrpError, RefusedError, VerificationError
from drp.model.values import JsonMap, render_list
from drp.ports.objects import ObjectReader


def keep_bundle(workshop: Workshop, state: Path) -> Listing:
    """Make a bundle and put it into all stores of the configuration; then remove what is too many.

    A store that fails does not keep the others from it: the ending is ``partial``, and names it.
    Raises RefusedError when no store is named, or drp does not run from files; and the ports' errors.
    """
    names, folders = workshop.inventory.policies.bundle.stores, workshop.folders
    if not names or folders is None:
        raise RefusedError(
            "cannot put a bundle anywhere: no store is named for it",
            hint="Name some in `bundle: {stores: [...]}`; by hand there is `drp bundle make --out bundle`.",
        )
    StateFolder(state).ensure()
    fresh = Path(mkdtemp(prefix="bundle-", dir=state))
    try:
        carried = _find_carried(workshop)
        images = workshop.inventory.policies.bundle.images
        left_out = fill(workshop, folders.config, folders.runbooks, fresh, images=images, carried=carried)
        put, failed = _put_all(workshop, fresh, carried)
    finally:
        shutil.rmtree(fresh, ignore_errors=True)
    lines = [*(f"! left out: {reason}" for reason in left_out), *(f"✗ {text}" for text in failed.values())]
    if not put:
        raise RefusedError(next(iter(failed.values())), hint="See `drp check stores`.")
    return Listing(
        lines=tuple(lines),
        data={"bundles": put, "left_out": [*left_out], "failed": {**failed}},
        summary=f"{'!' if lines else '✓'} bundle in {render_list([*put])}",
        ending=PARTIAL if lines else DONE,
    )


def _put_all(workshop: Workshop, folder: Path, carried: Mapping[str, str]) -> tuple[JsonMap, dict[str, str]]:
    """Store -> id of the bundle in it; store -> why there is none."""
    policy, put, failed = workshop.inventory.policies.bundle, JsonMap(), dict[str, str]()
    for name in policy.stores:
        store = workshop.ports.store(name)
        try:
            parts = find_carried(store, carried)
            if parts.keys() != carried.keys():
                raise VerificationError(f"cannot put a bundle into '{name}': archives of it went away")
            put[name] = put_bundle(store, folder, carried=parts, now=workshop.ports.clock.now())
            prune_bundles(store, policy.keep)
        except DrpError as error:
            failed[name] = error.message
    return put, failed


def _find_carried(workshop: Workshop) -> dict[str, str]:
    """Archives of images that every store has from the last time: they need not be saved again."""
    stores = [workshop.ports.store(name) for name in workshop.inventory.policies.bundle.stores]

    def common(known: dict[str, str], store: ObjectReader) -> dict[str, str]:
        held = find_carried(store, known)
        return {name: digest for name, digest in known.items() if name in held}

    try:
        return reduce(common, stores, read_images(stores[0]))
    except DrpError:
        # a store that cannot be read, or holds what is no bundle: all is saved anew
        return {}
