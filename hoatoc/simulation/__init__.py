"""The simulation: the programs' own code in a world whose time, chance and faults are drawn."""
