"""Contract suites on fakes and on real servers."""

import pytest

for suite in ("objects", "dns", "edges", "hosts", "helpers"):
    pytest.register_assert_rewrite(f"drp.testing.contract_{suite}")
