"""What the logs of single tools say, where a reader would not fit into one file: metrics, filters, scores, turns."""
