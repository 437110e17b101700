"""The day under faults: real processes are broken, and what became of every event is counted.

A row of the table (`rows`) breaks something on a stage (`stage`) of its own: topics on an Apache
Kafka, a Redis, supervised workers, and a producer whose ledger holds what the broker took. The
checker (`checker`) then asks the oracle. `python -m tests.faults.day` runs the rows and writes
the table.
"""
