"""Traffic as real agencies make it, through the doors that they use."""
