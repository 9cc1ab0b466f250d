# `make sim`: the engine and the store in a simulated world.
SIM_OBJ := $(filter-out $(DISK_OBJECT),$(patsubst %.c,$(BUILD)/obj/%.o,$(wildcard tests/sim/*.c)))
SIM     := $(BUILD)/tests/sim/sim
SEEDS   ?= 2000
FIRST   ?= 0
DISK    ?= arrays
SIZE    ?= small

# The store's calls go to its disk and its clock; those for memory stay as they are.
SIM_DISK := $(filter-out %/allocs.o,$(DISK_OBJECT))
SIM_LINK := $(foreach c,$(DISK_CALLS) clock_now clock_monotonic,-Wl,--wrap=$(c))

# A sixth of a busy world's time is the C library's malloc, so it has mimalloc's where that is installed; sanitizers have
# their own.
SIM_MALLOC = $(if $(findstring sanitize,$(CFLAGS)),,$(firstword $(wildcard $(addsuffix /libmimalloc.so,/usr/lib/* /usr/lib64 \
               /usr/lib /usr/local/lib))))

$(SIM): $(SIM_OBJ) $(SIM_DISK) $(foreach r,$(need_store),$(call archive,$(r)))
	$(Q)mkdir -p $(@D)
	$(call say,LINK,$@) $(CC) $(CFLAGS) $(LINK) $(SIM_LINK) $(LDFLAGS) -o $@ $(SIM_OBJ) $(SIM_DISK) \
	  -Wl,--start-group $(foreach r,$(need_store),$(call archive,$(r))) -Wl,--end-group $(PKGL) $(SIM_MALLOC) -lpthread -lm

sim: $(SIM)
	@$(SIM) --disk $(DISK) --size $(SIZE) $(if $(SEED),--seed $(SEED),--first $(FIRST) --seeds $(SEEDS))

sim-speed: $(SIM)
	@$(SIM) --size busy --seeds 40
	@$(SIM) --size busy --seeds 10 --disk sqlite

unit-programs: $(SIM)

objects: $(SIM_OBJ)

-include $(SIM_OBJ:.o=.d)

.PHONY: sim sim-speed

#: make sim          the engine and the store in a simulated world: SEEDS=2000 from FIRST=0 on, or SEED=n alone, with all
#:                   that happens; DISK=arrays, or sqlite for the real store on a disk that fails;
#:                   SIZE=small, or busy for worlds with thousands of attempts
#: make sim-speed    how many attempts a second of one core it simulates in busy worlds
