"""The commands that look at data sets and result files, convert them and invent them."""
