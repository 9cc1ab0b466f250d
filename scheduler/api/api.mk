# The files of the web pages are part of the binary: ui/ui.mk makes the table of them. A tree without it has none.
ifeq ($(wildcard ui/ui.mk),)
$(BUILD)/gen/assets.inc: scheduler/api/api.mk
	$(Q)mkdir -p $(@D)
	$(call say,GEN,$@) : > $@
endif

GENERATED += $(BUILD)/gen/assets.inc

$(BUILD)/obj/scheduler/api/assets.o: $(BUILD)/gen/assets.inc

# So is the OpenAPI document, as bytes.
$(BUILD)/gen/openapi.inc: scheduler/api/openapi.json scheduler/api/api.mk
	$(Q)mkdir -p $(@D)
	$(call say,GEN,$@) od -An -v -td1 $< | sed 's/ *\(-*[0-9][0-9]*\)/\1,/g' > $@.tmp && mv $@.tmp $@

GENERATED += $(BUILD)/gen/openapi.inc

$(BUILD)/obj/scheduler/api/openapi.o: $(BUILD)/gen/openapi.inc
