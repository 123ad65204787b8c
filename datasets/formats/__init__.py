"""Formats of files that hold people, one file each: recognises, reads and writes them.

Not here: PoseTrack's, COCO's and MOTChallenge's, which are data sets' formats too
(:mod:`posetube.datasets`).
"""
