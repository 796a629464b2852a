"""Tests: the folders mirror those of the code; what several files use lies here."""
