"""Calibration: controls that measure chance, spike-ins that measure recall."""
