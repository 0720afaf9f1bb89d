"""Readers of signatures, in PDF files (PAdES) and around packets (XMLDSig); never online."""
