"""A folder that shows a model in the browser, behind any static server: the model, the runtime and
a page made from the spec's inputs, outputs and labels."""
