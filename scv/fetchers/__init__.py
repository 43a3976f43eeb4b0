"""The definitions: one file per event family. A new feature touches this folder and nothing else."""
