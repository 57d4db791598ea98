"""Commands of `python -m bench`, and what the command lines of `bench` and `report` share."""
