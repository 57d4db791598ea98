"""Compilation of elementwise functions and update rules by TorchInductor."""
