# Forwards to dev.py, which needs no make: `make test` is `python3 dev.py test`.
.PHONY: setup demo test lint types bench docs lock
setup demo test lint types bench docs lock:
	@python3 dev.py $@
