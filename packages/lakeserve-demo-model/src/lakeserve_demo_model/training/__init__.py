"""The program that makes the shipped model from nothing. Needs the extra `train`."""
