"""Refiners of heatmaps: they change what is known of a person's joints by the maps of other frames.

All work on evidence (:mod:`.evidence`), in [0, 1], each map in the box that it was drawn for. Those
that learn nothing do without torch.
"""
