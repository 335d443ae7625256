"""Turns result pages into Singer output: as RECORD lines, or as records.

Both are made from the same columns of JSON tokens, so both give the same values.
"""
