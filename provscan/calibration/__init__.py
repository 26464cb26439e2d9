"""Calibration: controls measure chance, spike-ins measure recall."""
