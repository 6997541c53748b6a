"""Find samples that are no independent draws: copies, runs that differ, repeated seeds, templates, unrecorded cut-offs.

One file a detector. Each is an exact test or one checked by simulation, whose null holds for a model of any entropy; it
is wrong about clean samples once in 1 / FALSE_ALARM models or less.
"""
