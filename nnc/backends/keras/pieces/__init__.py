"""What Keras lacks, or means in another way: real Python files, copied by name into
programs.

They are read as text and never imported by nnc.
"""
