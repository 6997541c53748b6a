"""The named recipes, each value beside its source; `registry` finds them by name, `small` rescales them."""
