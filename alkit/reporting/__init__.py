"""Reports: what they are made of, how they become a page, and the report of a campaign."""
