"""What generated programs contain as it stands: real Python files, copied by name.

They are read as text and never imported by nnc. A line that ends in `# when: word`
stands only in programs with that feature, `# when: not word` only in those without.
"""
