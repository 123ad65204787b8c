"""Files in, files out: video, annotations, result formats, synthetic people. No torch."""
