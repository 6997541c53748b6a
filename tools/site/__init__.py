"""What the documentation site needs beyond Markdown: `hook` is called by mkdocs (mkdocs.yml)."""
