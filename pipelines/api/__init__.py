"""The jobs as Python functions, one file per job; :mod:`posetube` offers them."""
