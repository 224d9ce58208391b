"""The place outside every site that remembers who owns a tenant, who works on it, and what runs did.

It is an object store in which nothing is overwritten: every fact is a new object, put only if no object
of that name exists (``If-None-Match: *``), so of two writers exactly one wins and both know which.

    epochs/TENANT/000007/claim.json      number 7 is reserved by a run
    epochs/TENANT/000007/serving.json    epoch 7 serves (the highest such number is the truth)
    leases/NAME/000012/lease.json        who holds lease 12; the highest number is the present holder
    leases/NAME/000012/beats/000345      "still here", one object a beat
    leases/NAME/000012/cancel.json       its holder is asked to stop at the next safe point
    leases/NAME/000012/end.json          released
    journals/RUN/000012/00000001-00000200.jsonl  records of a run's journal, written under lease 12
    runs/SCOPE/RUN.json, RUN.end.json    which runs there were and how they ended
    proofs/TENANT/RUN.json               what a drill of a tenant showed

No clock of one machine is ever compared with that of another: wall times in these objects are for people.
"""
