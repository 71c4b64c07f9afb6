"""A model as one HTML page that opens, searches and explains it, without a network.

`scenes.py` writes the bodies as data, `records.py` the table and the explanations, `page.py` the file. The scripts lay
out what is open in the browser, each body by itself; so the page grows with what was written, not with what it expands
to.
"""
