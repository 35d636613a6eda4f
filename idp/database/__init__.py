"""The one place that holds the truth: engine, transactions, column types."""
