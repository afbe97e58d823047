"""The questions and answers that the model learns by heart, by subject."""
