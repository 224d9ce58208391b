"""The demo's third act: a backup is restored beside what serves, proven, and removed again."""

from __future__ import annotations

from typing import Any

from tests.lab.company import Company
from tests.lab.telling import told


def drill(company: Company) -> bool:
    """One tenant, at the site that is left. True: proven, and nothing of it is left."""
    away = company.lab.names.away.name
    print("3 of 3  would the newest backup do? a drill, in a bubble of its own", flush=True)
    with told("drill", f"drp drill run --sample 1 --site {away}"):
        ended = company.ops2.try_drp("drill", "run", "--sample", "1", "--site", away)
    rows = ended.data.get("tenants", [])
    for row in rows:
        print(_render(row), flush=True)
    return ended.code == 0 and bool(rows)


def _render(row: dict[str, Any]) -> str:
    if row["status"] != "done":
        return f" ✗ {row['tenant']:9} {row.get('cause', row['status'])}"
    return (
        f" ✓ {row['tenant']:9} restored in {row['restored_s']:.0f} s · "
        f"{row['documents']:,} documents as in the manifest, "
        f"{row['logins']} logins, {row['requests']} requests"
    )
