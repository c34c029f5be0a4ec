"""A web page on which one person answers the open query; `alkit label` serves it on this machine only."""
