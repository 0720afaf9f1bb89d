"""Fakes and drivers for tests: never imported by programs."""
