"""Published claims of the debate, one module or package each."""
