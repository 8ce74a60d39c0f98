"""Guards on what the model says: pure checks of one answer before anybody gets it."""
