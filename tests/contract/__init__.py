"""Contract suites on fakes and on real servers."""
