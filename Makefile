.PHONY: check format lint types test quick site wheel

check: lint types test        ## everything that .ci/run runs before it builds the wheel

format:                       ## rewrite the files in the house style
	ruff format . && ruff check --fix .

lint:
	ruff format --check . && ruff check .

types:
	mypy -p posetube && mypy tests benchmarks examples

test:
	pytest

quick:                        ## the tests that take no more than seconds each
	pytest -m "not slow"

site:                         ## the documentation as a site, in build/site; needs the extra docs
	sphinx-build -q -W --keep-going -b html docs build/site

wheel:                        ## sdist, and the wheel built from it
	rm -rf dist && python -m build
