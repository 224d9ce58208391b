"""``drp bundle``: write all that a failover needs into one folder, whole or not at all."""

from __future__ import annotations

import json
import shutil
from collections.abc import Collection, Generator, Iterator, Mapping
from contextlib import closing, suppress
from importlib.metadata import version
from pathlib import Path
from types import MappingProxyType
from typing import Final

from drp.commands.bundle.contents import MANIFEST, list_files, sign_list
from drp.commands.desk import Workshop
from drp.commands.endings import DONE, PARTIAL
from drp.commands.events import render_utc
from drp.commands.results import Listing
from drp.config.needed import needed_secrets
from drp.errors import DrpError, RefusedError
from drp.model.inventory import Inventory
from drp.model.values import JsonMap, render_list
from drp.witness.journal_copy import JournalCopyReader
from drp.witness.runs import RunReader

_README: Final = """\
# What a failover needs

Made {made} by drp {version} for configuration {digest}. Secrets are sealed: bring the key that opens them.
On a machine that has drp (it needs no Docker), type in this folder:

    drp bundle verify .
    drp check witness stores engines --config config --runbooks runbooks --key-file KEY
    drp failover --from SITE --to SITE --all --config config --runbooks runbooks --key-file KEY

Should a host at the target lack an image: `docker load -i images/ID.tar` there, or `drp reserve --all`.
"""


def make_bundle(workshop: Workshop, config: Path, runbooks: Path, out: Path, *, images: bool) -> Listing:
    """Raises RefusedError when the folder is there already, and the ports' errors; then nothing is left.

    An image that no host gives is left out and named: the ending is ``partial``.
    """
    if out.exists():
        raise RefusedError(
            f"cannot write '{out}': it exists", hint="Name another with `drp bundle make --out bundle-2`."
        )
    fresh = out.with_name(f"{out.name}.new")
    shutil.rmtree(fresh, ignore_errors=True)
    try:
        fresh.mkdir(mode=0o700, parents=True)
        left_out = fill(workshop, config, runbooks, fresh, images=images)
        fresh.rename(out)
    except OSError as error:
        raise RefusedError(f"cannot write '{out}': {error.strerror}") from error
    finally:
        shutil.rmtree(fresh, ignore_errors=True)
    lines = [f"! left out: {reason}" for reason in left_out]
    return Listing(
        lines=tuple(lines),
        data={"folder": str(out), "files": len(list_files(out)), "left_out": [*left_out]},
        summary=f"{'!' if lines else '✓'} {out}: look at it with `drp bundle verify {out}`",
        ending=PARTIAL if lines else DONE,
    )


def fill(
    workshop: Workshop,
    config: Path,
    runbooks: Path,
    folder: Path,
    *,
    images: bool,
    carried: Mapping[str, str] = MappingProxyType({}),
) -> list[str]:
    """Why parts were left out. ``carried``: archives of images (path -> SHA-256) that are there already."""
    inventory = workshop.inventory
    plain = _plain_secrets(inventory)

    def leave_out(parent: str, names: list[str]) -> set[str]:
        here = Path(parent).resolve()
        return {name for name in names if name.startswith(".") or here / name in plain}

    shutil.copytree(config, folder / "config", ignore=leave_out)
    shutil.copytree(runbooks, folder / "runbooks")
    made = render_utc(workshop.ports.clock.now())
    about = {"made": made, "version": version("drp"), "digest": inventory.digest[:12]}
    (folder / "README.md").write_text(_README.format(**about), encoding="utf-8")
    _write_json(folder / "witness.json", _witness(inventory))
    _write_json(folder / "journals.json", _heads(workshop))
    left_out = [f"secret file '{path}' is not sealed" for path in sorted(plain) if path.is_file()]
    if images:
        left_out += _save_images(workshop, folder, carried)
    still = {_archive(image) for image in _iter_images(inventory)} if images else set()
    files = {**{name: digest for name, digest in carried.items() if name in still}, **list_files(folder)}
    body: JsonMap = {**about, "inventory": inventory.digest, "files": {**files}}
    site, signer = next(iter(inventory.signers.items()))
    (folder / MANIFEST).write_bytes(sign_list(body, site, workshop.ports.secret(signer.private)))
    return left_out


def _plain_secrets(inventory: Inventory) -> set[Path]:
    """Files that hold a secret as it is: they stay where they are."""
    refs = [each.ref for each in needed_secrets(inventory)]
    unlock = inventory.secrets.unlock
    return {Path(ref.name).resolve() for ref in [*refs, *([unlock] if unlock else [])] if ref.kind == "file"}


def _write_json(path: Path, data: JsonMap) -> None:
    path.write_text(json.dumps(data, indent=1, sort_keys=True) + "\n", encoding="utf-8")


def _witness(inventory: Inventory) -> JsonMap:
    store = inventory.stores[inventory.witness]
    return {"url": store.url, "region": store.region, "bucket": store.bucket, "key": str(store.key)}


def _heads(workshop: Workshop) -> JsonMap:
    """Of each open run: how far its copy in the witness had come."""
    reader = JournalCopyReader(workshop.witness)
    heads = {
        entry.begin.run: reader.head(entry.begin.run) for entry in RunReader(workshop.witness).iter_open()
    }
    return {run: 0 if head is None else head.seq for run, head in heads.items()}


def _save_images(workshop: Workshop, folder: Path, carried: Collection[str]) -> list[str]:
    (folder / "images").mkdir()
    return [
        f"image {image}: {reason}"
        for image in _iter_images(workshop.inventory)
        if _archive(image) not in carried
        and (reason := _save_image(workshop, image, folder / _archive(image)))
    ]


def _archive(image: str) -> str:
    """Where the archive of an image lies in the bundle."""
    return f"images/{image.removeprefix('sha256:')}.tar"


def _iter_images(inventory: Inventory) -> Iterator[str]:
    """Each once."""
    own = [inventory.images.helper, inventory.images.edge]
    theirs = [service.image for tenant in inventory.tenants.values() for service in tenant.services.values()]
    yield from dict.fromkeys([*own, *theirs])


def _save_image(workshop: Workshop, image: str, path: Path) -> str:
    """From the first host that gives it whole; why nobody did, or ""."""
    reasons = []
    for host in workshop.inventory.hosts():
        try:
            with closing(_stream(workshop, host.name, image)) as parts, path.open("wb") as file:
                file.writelines(parts)
        except DrpError as error:
            reasons.append(f"{host.name}: {error.message}")
            with suppress(OSError):
                path.unlink()
            continue
        return ""
    return render_list(reasons) or "there is no host"


def _stream(workshop: Workshop, host: str, image: str) -> Generator[bytes, None, None]:
    yield from workshop.ports.host(host).save_image(image)
