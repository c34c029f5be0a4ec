"""A web page for answering the open query; `alkit label` serves it on this machine only."""
