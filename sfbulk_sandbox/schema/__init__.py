"""Objects and fields, their describes, ids and values, and the table of rows."""
