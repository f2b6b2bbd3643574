"""From the surface tree to the typed program, one pass a file; `compiler.pipeline` shows their
order."""
