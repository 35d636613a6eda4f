"""The outbox: what has to reach the outside world, written in the transaction of its cause."""
