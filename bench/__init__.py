"""Measurements: ratios in one run, printed, never a test."""
