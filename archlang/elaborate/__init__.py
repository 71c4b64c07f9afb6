"""From the syntax tree to the IR: names, values, arguments and shapes, resolved in one walk."""
