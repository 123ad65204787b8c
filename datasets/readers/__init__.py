"""Data sets, one file each: whatever the layout on disk, :class:`AnnotatedVideo` comes out."""
