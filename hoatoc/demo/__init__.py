"""The demonstration: letters go out, recipients answer or not, and the right people are paged."""
