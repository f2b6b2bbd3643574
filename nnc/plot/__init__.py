"""Pictures: a model as SVG, HTML and Mermaid, and the curve of an activation."""
