"""Turns result pages into Singer output: RECORD lines, BATCH files, or records for stream maps.

All are made from the same columns of JSON tokens, so all give the same values.
"""
