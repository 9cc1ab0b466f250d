# The migrations are part of the binary: each file becomes a row of bytes in the order of their names, with the way back
# beside it if there is one.
MIGRATIONS := $(sort $(wildcard migrations/*.sql))
WAYS_BACK  := $(wildcard migrations/back/*.sql)

$(BUILD)/gen/migrations.inc: $(MIGRATIONS) $(WAYS_BACK) scheduler/store/store.mk
	$(Q)mkdir -p $(@D)
	$(call say,GEN,$@) bytes() { printf '(const char[]){'; od -An -v -td1 $$1 | sed 's/ *\(-*[0-9][0-9]*\)/\1,/g'; printf '0}'; }; \
	for f in $(MIGRATIONS); do \
	  n=$$(basename $$f .sql); back=migrations/back/$$n.sql; printf '{"%s", ' "$$n"; bytes $$f; printf ', '; \
	  if [ -f $$back ]; then bytes $$back; else printf NULL; fi; printf '},\n'; \
	done > $@.tmp && mv $@.tmp $@

GENERATED += $(BUILD)/gen/migrations.inc

$(BUILD)/obj/scheduler/store/migrations.o: $(BUILD)/gen/migrations.inc
$(BUILD)/obj/scheduler/store/migrations.o: private CFLAGS += -I$(BUILD)/gen

# The figures of the store alone, over a history that is made for it.
STORE_BENCH := $(BUILD)/obj/tests/bench/store_bench.o $(BUILD)/obj/tests/bench/history_gen.o
$(BUILD)/tests/bench/store_bench: $(STORE_BENCH) $(foreach r,$(need_store),$(call archive,$(r)))
	$(Q)mkdir -p $(@D)
	$(call say,LINK,$@) $(CC) $(CFLAGS) $(LINK) $(LDFLAGS) -o $@ $(STORE_BENCH) \
	  -Wl,--start-group $(foreach r,$(need_store),$(call archive,$(r))) -Wl,--end-group $(PKGL) -lpthread -lm
