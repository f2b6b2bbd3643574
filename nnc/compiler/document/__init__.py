"""The JSON form of a spec: read to a surface tree, written from a program, and its schema."""
