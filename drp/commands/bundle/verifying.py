"""``drp bundle verify``: is a bundle whole, and as it was signed."""

from __future__ import annotations

import hashlib
from pathlib import Path

from drp.commands.bundle.contents import MANIFEST, iter_damages, read_list
from drp.commands.endings import DONE, FINDINGS
from drp.commands.results import Listing
from drp.config.load import load_inventory
from drp.errors import RefusedError, VerificationError
from drp.model.inventory import Inventory
from drp.model.values import Json


def verify_bundle(folder: Path, known: Inventory | None) -> Listing:
    """``known``: a configuration that is trusted already; without one, that of the bundle says who may sign.

    Then the fingerprint of the signing keys is what a person compares. Raises RefusedError: no bundle.
    """
    path = folder / MANIFEST
    if not path.is_file():
        raise RefusedError(
            f"cannot verify '{folder}': it has no {MANIFEST}",
            hint="Make one with `drp bundle make --out bundle`.",
        )
    inventory = known or load_inventory(folder / "config")
    signers = {site: signer.public for site, signer in inventory.signers.items()}
    digest = hashlib.sha256("\n".join(sorted(signers.values())).encode()).hexdigest()[:16]
    try:
        body = read_list(path.read_bytes(), signers)
    except VerificationError as error:
        return _listing(folder, [error.message], {}, digest=digest)
    files = body["files"]
    assert isinstance(files, dict)
    return _listing(folder, [*iter_damages(folder, files)], files, digest=digest, made=str(body["made"]))


def _listing(
    folder: Path, damages: list[str], files: dict[str, Json], *, digest: str, made: str = ""
) -> Listing:
    whole = "" if damages else f"✓ {folder}: {len(files)} files as signed, made {made}; keys {digest}"
    return Listing(
        lines=tuple(f"✗ {damage}" for damage in damages),
        data={"files": len(files), "damages": [*damages], "made": made, "keys": digest},
        summary=whole or f"✗ {folder}: not to be trusted; keys {digest}",
        ending=FINDINGS if damages else DONE,
    )
