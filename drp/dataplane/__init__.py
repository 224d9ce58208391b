"""The half of drp that runs beside a database: formats, MongoDB, Redis, object store.

It is started as a one-shot container, told what to do on stdin and answers in JSON lines; the
control plane imports only ``wire``, ``keys``, ``manifest`` and ``store`` of it.
"""
