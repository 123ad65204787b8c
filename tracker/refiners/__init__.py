"""Refiners: they make the joints of linked people better and steadier; boxes and ids stay.

A refiner takes the frames of a video one after the other and yields them, later if it looks ahead.
Several make a chain: those that read heatmaps come first, those that filter coordinates last.
"""
