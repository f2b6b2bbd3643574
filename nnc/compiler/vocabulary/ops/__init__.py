"""The ops, one family a file. A backend lowers a family in a file of the same name."""
