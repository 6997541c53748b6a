"""The named recipes, value beside source, by what they are for; `edgewise.rl.recipes` finds them by name."""
