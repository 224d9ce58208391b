"""``drp bundle get``: a bundle from a store onto a machine that never ran drp, whole or not at all."""

from __future__ import annotations

import shutil
from pathlib import Path

from drp.commands.bundle.stored import list_bundles, load_bundle, write_files
from drp.commands.bundle.verifying import verify_bundle
from drp.commands.endings import DONE
from drp.commands.results import Listing
from drp.errors import DrpError, RefusedError, VerificationError
from drp.model.inventory import Inventory
from drp.ports.objects import ObjectReader


def get_bundle(
    store: ObjectReader, out: Path, *, bundle: str = "", known: Inventory | None = None, keys: str = ""
) -> Listing:
    """``bundle``: its id, "" for the newest. ``known``: a configuration that is trusted already, ``keys``:
    the fingerprint of the keys that may sign. Without both the bundle itself says who may.

    Raises RefusedError, VerificationError and the store's errors; then nothing is left.
    """
    if out.exists():
        raise RefusedError(f"cannot write '{out}': it exists", hint="Name another folder with `--out`.")
    found = load_bundle(store, bundle or _find_newest(store))
    fresh = out.with_name(f"{out.name}.new")
    shutil.rmtree(fresh, ignore_errors=True)
    try:
        fresh.mkdir(mode=0o700, parents=True)
        write_files(store, found, fresh)
        verified = _verify(fresh, known, bundle=found.id, keys=keys)
        fresh.rename(out)
    except OSError as error:
        raise RefusedError(f"cannot write '{out}': {error.strerror}") from error
    finally:
        shutil.rmtree(fresh, ignore_errors=True)
    signer = str(verified.data["keys"])
    is_new = known is None and not keys
    doubt = f"! nobody vouches for the keys {signer}: compare with what `drp bundle verify .` says at home"
    files, made = verified.data["files"], verified.data["made"]
    return Listing(
        lines=(doubt,) if is_new else (),
        data={**verified.data, "bundle": found.id, "folder": str(out)},
        summary=f"✓ {out}: {files} files as signed, made {made}; keys {signer}; see {out / 'README.md'}",
        ending=DONE,
    )


def _find_newest(store: ObjectReader) -> str:
    bundles = list_bundles(store)
    if not bundles:
        raise RefusedError(
            "cannot fetch a bundle: there is none in that store",
            hint="Put one there with `drp bundle put`, on a machine that has the configuration.",
        )
    return bundles[-1]


def _verify(folder: Path, known: Inventory | None, *, bundle: str, keys: str) -> Listing:
    """Raises VerificationError for a bundle that is not what was signed by whom it may be."""
    try:
        verified = verify_bundle(folder, known)
    except DrpError as error:
        raise VerificationError(f"cannot trust bundle '{bundle}': {error.message}") from error
    damages = [line.removeprefix("✗ ") for line in verified.lines]
    if keys and verified.data["keys"] != keys:
        damages.insert(0, f"it is signed by the keys {verified.data['keys']}, wanted {keys}")
    if damages:
        raise VerificationError(
            f"cannot trust bundle '{bundle}': {damages[0]}",
            state="nothing was written",
            hint="Take another store, or an older one by its id.",
        )
    return verified
