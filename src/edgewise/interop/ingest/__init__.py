"""Reading hostile files of any size within bounds: lines, values, columns, and what becomes of them."""
