# Each call of the store and of the real daemon fails in turn: all n, or each STEPth.
turn: all $(BUILD)/tests/unit/store/turn_test
	TURN_STEP=$(or $(STEP),1) $(BUILD)/tests/unit/store/turn_test
	@ROTA=$(abspath $(BUILD)/rota) tests/turn/turn.py --step $(or $(STEP),1) $(if $(SCENARIO),--scenario $(SCENARIO)) \
	  $(if $(KIND),--kind $(KIND))

.PHONY: turn

#: make turn         calls fail at n = 1, 2, 3, ..., once and for ever after; hours, STEP=n tries each nth, SCENARIO=x KIND=y
