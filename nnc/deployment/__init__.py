"""A network on its way out: a model file for a runtime, what is said about it, and its proofs.

Stands on the compiler, the backends and `verify`; the command line stands on it.
"""
