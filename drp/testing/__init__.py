"""The test kit: fakes of every port, and the contract suites that fakes and real providers pass."""
