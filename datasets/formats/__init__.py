"""Result formats, one module each, with ``read(path)`` and ``write_tracks(path, tracks)``.

Not here: PoseTrack's, COCO's and MOTChallenge's, which are data sets' formats too
(:mod:`posetube.datasets`).
"""
