"""The intermediate representation: layers, graph, and what is derived from them."""
