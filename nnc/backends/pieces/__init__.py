"""NumPy functions that execute data blocks: nnc calls them, and generated
programs contain them."""
