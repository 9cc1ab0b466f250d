# The migrations are part of the binary: each file becomes a row of bytes in the order of their names.
MIGRATIONS := $(sort $(wildcard migrations/*.sql))

$(BUILD)/gen/migrations.inc: $(MIGRATIONS) scheduler/store/store.mk
	$(Q)mkdir -p $(@D)
	$(call say,GEN,$@) for f in $(MIGRATIONS); do \
	  n=$$(basename $$f .sql); printf '{"%s", (const char[]){' "$$n"; \
	  od -An -v -td1 $$f | sed 's/ *\(-*[0-9][0-9]*\)/\1,/g'; printf '0}},\n'; \
	done > $@.tmp && mv $@.tmp $@

GENERATED += $(BUILD)/gen/migrations.inc

$(BUILD)/obj/scheduler/store/migrations.o: $(BUILD)/gen/migrations.inc
$(BUILD)/obj/scheduler/store/migrations.o: private CFLAGS += -I$(BUILD)/gen
