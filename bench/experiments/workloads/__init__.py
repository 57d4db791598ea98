"""The code that every measured training number runs through; its source is part of an environment."""
