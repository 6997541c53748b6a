"""Trackers: where else the metrics of a study are written, one file each. Chosen by `edgewise run --track`."""
