"""All tests. Assertions of the shipped contract suites explain themselves as those of tests do."""

import pytest

for suite in ("objects", "dns", "edges", "hosts", "helpers"):
    pytest.register_assert_rewrite(f"drp.testing.contract_{suite}")
