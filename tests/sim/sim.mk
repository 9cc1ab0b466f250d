# `make sim`: the engine and the store in a simulated world.
SIM_OBJ := $(filter-out $(DISK_OBJECT),$(patsubst %.c,$(BUILD)/obj/%.o,$(wildcard tests/sim/*.c)))
SIM     := $(BUILD)/tests/sim/sim
SEEDS   ?= 2000
FIRST   ?= 0
DISK    ?= arrays

$(SIM): $(SIM_OBJ) $(foreach r,$(need_store),$(call archive,$(r)))
	$(Q)mkdir -p $(@D)
	$(call say,LINK,$@) $(CC) $(CFLAGS) $(LINK) $(LDFLAGS) -o $@ $(SIM_OBJ) \
	  -Wl,--start-group $(foreach r,$(need_store),$(call archive,$(r))) -Wl,--end-group $(PKGL) -lpthread -lm

sim: $(SIM)
	@$(SIM) --disk $(DISK) $(if $(SEED),--seed $(SEED),--first $(FIRST) --seeds $(SEEDS))

-include $(SIM_OBJ:.o=.d)

.PHONY: sim

#: make sim          the engine and the store in a simulated world, SEEDS=2000 from FIRST=0, or SEED=n alone and told;
#:                   DISK=arrays or sqlite
