"""Reports: their building blocks, and how these become a page, Markdown and figures."""
