"""What networks are trained on: labelled clips and pictures, and how they are varied."""
