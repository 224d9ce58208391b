"""What a helper ever got in its input does not open an older backup."""

from __future__ import annotations

import base64
import json
from itertools import product

import pytest

from drp.dataplane import keys
from drp.dataplane.wire import encode_job
from drp.errors import DeniedError, DrpError, UsageError
from drp.model.values import Secret
from drp.testing.simmongo.server import SimMongo
from tests.dataplane.backups import Company
from tests.dataplane.simulated import SOURCE, TARGET, build_company, fill

CANARY = b"canary-of-a-person"


def build_history() -> Company:
    """Two backups; the second one was restored, so its data key was in an input, too."""
    source, target = SimMongo(), SimMongo()
    fill(source, "people", [{"_id": 1, "name": CANARY.decode()}])
    company = build_company(source, target)
    company.backup(SOURCE, backup_id="older")
    company.backup(SOURCE, backup_id="newer")
    company.restore(TARGET, backup_id="newer")
    return company


def collect_inputs(company: Company) -> list[bytes]:
    """Every text and secret of every input, raw and base64-decoded, and pieces as long as a key."""
    found: set[bytes] = set()
    for job in company.given:
        found |= {secret.reveal() for secret in job.secrets.values()}
        found |= {text.encode() for text in iter_texts(json.loads(encode_job(job.kind, job.params, {})[8:]))}
    for value in list(found):
        try:
            found.add(base64.b64decode(value, validate=True))
        except ValueError:
            continue
    return sorted(found | {value[:32] for value in found} | {value[-32:] for value in found})


def iter_texts(value: object) -> list[str]:
    if isinstance(value, dict):
        return [text for inner in value.values() for text in iter_texts(inner)]
    if isinstance(value, list):
        return [text for inner in value for text in iter_texts(inner)]
    return [value] if isinstance(value, str) else []


def test_nothing_a_helper_ever_got_opens_the_key_block_of_an_older_backup() -> None:
    company = build_history()
    manifest = company.manifest("older")
    block = company.doors.stores["keys"].get(manifest.key_block)
    for value in collect_inputs(company):
        with pytest.raises(DrpError):
            keys.open_data_key(Secret(value), block, tenant="acme", attempt=manifest.attempt)


def test_nothing_a_helper_ever_got_is_the_data_key_of_an_older_backup() -> None:
    company = build_history()
    wanted = company.manifest("older").data_key.check
    checks = {keys.build_check_value(Secret(value)) for value in collect_inputs(company)}
    assert wanted not in checks
    assert company.manifest("newer").data_key.check in checks  # the search would find one


def test_private_key_is_in_no_input() -> None:
    company = build_history()
    private = company.pair.private.reveal()
    texts = [encode_job(job.kind, job.params, job.secrets) for job in company.given]
    for text, form in product(texts, (private, base64.b64encode(private), private.hex().encode())):
        assert form not in text


def test_restore_with_the_data_bucket_alone_fails() -> None:
    company = build_history()
    with pytest.raises(DeniedError, match="data key is that of another attempt"):
        company.restore(TARGET, backup_id="older", data_key=company.open_key("newer"))
    params = company.given[-1].params
    with pytest.raises(UsageError, match="lacks the secret 'store-access'"):
        company.run("restore", {**params})


def test_store_shows_neither_documents_nor_keys() -> None:
    company = build_history()
    data_key = company.open_key("older").reveal()
    for store in company.doors.stores.values():
        for name, content in store.objects.items():
            assert CANARY not in content, name
            assert data_key not in content, name
            assert company.pair.private.reveal() not in content, name


def test_data_bucket_holds_no_key_block() -> None:
    company = build_history()
    assert company.doors.stores["data"].keys(".key") == []
    assert len(company.doors.stores["keys"].keys(".key")) == 2
