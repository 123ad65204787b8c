"""Data sets, one file each: where its files lie, its splits and its official metric."""
