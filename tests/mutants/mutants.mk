# The program is broken on purpose, a place at a time; the test that guards the place must fail (tests/mutants/mutants.py).
mutants:
	@tests/mutants/mutants.py --build $(BUILD)/mutants $(if $(SUITE),--suite $(SUITE)) $(if $(T),--only $(T)) \
	  $(if $(FAULT),--fault $(FAULT))

lint: lint-mutants
lint-mutants:
	$(call say,MUTANTS,tests/mutants) tests/mutants/mutants.py --check

.PHONY: mutants lint-mutants

#: make mutants      breaks the program in each way that tests/mutants lists and demands that its test fails; of one
#:                   table with SUITE=faults, of one row of docs/reliability.md with FAULT=12, by name or test with T=X
