# `make bench`: what rota reaches beside what the machine does bare. The figures are no tests: a missed one fails nothing.
BENCH        := $(BUILD)/tests/bench
HISTORY_OBJ  := $(patsubst %,$(BUILD)/obj/tests/bench/%.o,history_main history_gen)
ENGINE_OBJ   := $(BUILD)/obj/tests/bench/engine_bench.o
STORE_OBJ    := $(patsubst %,$(BUILD)/obj/tests/bench/%.o,store_bench history_gen)

$(BENCH)/bare: tests/bench/bare.c
	$(Q)mkdir -p $(@D)
	$(call say,CC,$<) $(CC) -std=c17 -D_GNU_SOURCE $(CFLAGS) $(WARN) -o $@ $<

define bench_program
$(1): $(2) $(foreach r,$(3),$(call archive,$(r)))
	$$(Q)mkdir -p $$(@D)
	$$(call say,LINK,$$@) $$(CC) $$(CFLAGS) $$(LINK) $$(LDFLAGS) -o $$@ $(2) \
	  -Wl,--start-group $(foreach r,$(3),$(call archive,$(r))) -Wl,--end-group $$(PKGL) -lpthread -lm
endef
$(eval $(call bench_program,$(BENCH)/history,$(HISTORY_OBJ),$(need_store)))
$(eval $(call bench_program,$(BENCH)/engine,$(ENGINE_OBJ),$(need_journal)))
$(eval $(call bench_program,$(BENCH)/store,$(STORE_OBJ),$(need_store)))

bench: all $(BENCH)/bare $(BENCH)/history $(BENCH)/engine $(BENCH)/store
	@ROTA=$(BUILD)/rota BARE=$(BENCH)/bare HISTORY=$(BENCH)/history ENGINE=$(BENCH)/engine STORE=$(BENCH)/store \
	  ROTA_BENCH_DISK=$${ROTA_BENCH_DISK-$(BUILD)} tests/bench/bench.py $(B)

-include $(HISTORY_OBJ:.o=.d) $(ENGINE_OBJ:.o=.d) $(STORE_OBJ:.o=.d)

.PHONY: bench

#: make bench        what rota reaches, with targets; a part of it with B="chain idle"
