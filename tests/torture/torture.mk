# The daemon and supervisors are killed and the disk is filled while runs are asked for; then the books are compared.
torture: all
	@ROTA=$(abspath $(BUILD)/rota) tests/torture/torture.py --rounds $(or $(ROUNDS),3) --seconds $(or $(SECONDS_EACH),30) \
	  $(if $(SEED),--seed $(SEED)) $(if $(HOSTS),--hosts $(HOSTS)) $(if $(KILLS),--kills $(KILLS)) $(if $(PACE),--pace $(PACE))

.PHONY: torture

#: make torture      kill -9 at random moments and full disks, ROUNDS=3 of SECONDS_EACH=30, SEED=n repeats the blows;
#:                   KILLS=1000 PACE=0.1 HOSTS=0 for nothing but kills of the daemon, so many in a round
