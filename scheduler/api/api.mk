# The files of the web pages are part of the binary: ui/ui.mk makes the table of them. A tree without it has none.
ifeq ($(wildcard ui/ui.mk),)
$(BUILD)/gen/assets.inc: scheduler/api/api.mk
	$(Q)mkdir -p $(@D)
	$(call say,GEN,$@) : > $@
endif

GENERATED += $(BUILD)/gen/assets.inc

$(BUILD)/obj/scheduler/api/assets.o: $(BUILD)/gen/assets.inc
