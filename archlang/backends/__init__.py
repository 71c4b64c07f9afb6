"""What is made from the IR: PyTorch source, live modules, diagrams. Each is imported when it is used."""
