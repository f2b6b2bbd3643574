"""The words of the language, one family a file; `base` finds them."""
