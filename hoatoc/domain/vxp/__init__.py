"""The interface of the national axis (VXP): what its official client sends, and what it can read.

The reference is the official client, SDKVXP 2.0.1. It reads a reply by rules of its own, so each
shape here is what it can read, whatever has happened; decision 0017 says which rule led to what.
"""
