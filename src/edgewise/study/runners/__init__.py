"""Where the stages of a study are computed: processes of this machine, or ranks that work together."""
