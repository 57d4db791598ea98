"""Records of runs and environments: plain data that the results store holds."""
