# tests/unit/ROOM/NOUN_test.c is one program; it links with its own room and the rooms that room may know.
UNIT := $(patsubst %.c,%,$(wildcard tests/unit/*/*_test.c))
need_base   := base
need_spec   := scheduler/spec base
need_engine := scheduler/engine scheduler/spec base
need_store  := scheduler/store scheduler/engine scheduler/spec base
need_api    := scheduler/api base
need_worker := worker base
need_daemon := scheduler/daemon scheduler/api scheduler/store scheduler/engine scheduler/spec worker base
need_cli    := cli $(need_daemon)

define unit_test
$(BUILD)/$(1): $(BUILD)/obj/$(1).o $(foreach r,$(need_$(2)),$(call archive,$(r)))
	$(Q)mkdir -p $$(@D)
	$$(call say,LINK,$$@) $$(CC) $$(CFLAGS) $$(LINK) $$(LDFLAGS) -o $$@ $(BUILD)/obj/$(1).o \
	  -Wl,--start-group $(foreach r,$(need_$(2)),$(call archive,$(r))) -Wl,--end-group $$(PKGL) -lcmocka -lpthread -lm
endef
$(foreach t,$(UNIT),$(eval $(call unit_test,$(t),$(notdir $(patsubst %/,%,$(dir $(t)))))))

# `make unit ROOM=spec` builds and runs the unit tests of one room.
unit: $(foreach t,$(if $(ROOM),$(filter tests/unit/$(ROOM)/%,$(UNIT)),$(UNIT)),$(BUILD)/$(t))
	@for t in $^; do timeout 120 ./$$t || exit 1; done

.PHONY: unit
