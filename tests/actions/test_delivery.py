"""The secret files of services, as the programs that read them want them."""

from __future__ import annotations

import re

from drp.actions.delivery import secret_files
from drp.model.names import Instance
from drp.testing.company import FakeCompany

_INSTANCES = [Instance.of_epoch("acme", epoch) for epoch in range(1, 33)]
COMPANY = FakeCompany()


def key_of(instance: Instance) -> str:
    (file,) = (f for f in secret_files(COMPANY, instance, "mongodb") if f.name == "mongodb-keyfile")
    return file.content.reveal().decode()


def test_key_of_mongod_is_plain_base64() -> None:
    keys = [key_of(instance) for instance in _INSTANCES]
    assert all(re.fullmatch("[A-Za-z0-9+/]{43}", key) for key in keys)
    assert len(set(keys)) == len(keys)
