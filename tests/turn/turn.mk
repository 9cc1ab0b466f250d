# Each call of the store and of the real daemon fails in turn: all n, or each STEPth, or with 0 the first by each way to
# it, where the store's is a sample.
turn: all $(BUILD)/tests/unit/store/turn_test
	TURN_STEP=$(or $(STEP),1) $(BUILD)/tests/unit/store/turn_test
	@ROTA=$(abspath $(BUILD)/rota) tests/turn/turn.py --step $(or $(STEP),1) $(if $(SCENARIO),--scenario $(SCENARIO)) \
	  $(if $(KIND),--kind $(KIND)) $(if $(JOBS),--jobs $(JOBS))

.PHONY: turn

#: make turn         calls fail at n = 1, 2, 3, ..., once and for ever after; days, STEP=n tries each nth,
#:                   STEP=0 each way to a call once (hours); SCENARIO=x KIND=y, JOBS=n at a time
