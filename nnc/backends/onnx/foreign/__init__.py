"""Models that somebody else wrote: read without trust, checked, then run on onnxruntime.

What is looked at is the structure of a file, never the numbers of its weights, so that the size of
a model hardly matters. Nothing is read outside the folder of the model.
"""
