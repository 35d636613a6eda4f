"""案件進度線上查詢: parties look up how their cases are going (manual Q)."""
