# What is sent to hosts is part of the binary, without its comments and indentation: the control shell's functions, and
# the supervisor, which is kept there under the hash of its text.
REMOTE_SH    := worker/ssh/remote/remote.sh worker/ssh/remote/remote_files.sh
SUPERVISE_SH := worker/ssh/remote/supervise_log.sh worker/ssh/remote/supervise_end.sh worker/ssh/remote/supervise.sh
remote_strip  = sed -e 's/^[ ]*//' -e '/^\#/d' -e '/^$$/d'
remote_bytes  = od -An -v -td1 $(1) | sed 's/ *\(-*[0-9][0-9]*\)/\1,/g'

$(BUILD)/gen/remote.sh: $(REMOTE_SH) worker/ssh/remote/remote.mk
	$(Q)mkdir -p $(@D)
	$(call say,GEN,$@) $(remote_strip) $(REMOTE_SH) > $@

$(BUILD)/gen/supervise.sh: $(SUPERVISE_SH) worker/ssh/remote/remote.mk
	$(Q)mkdir -p $(@D)
	$(call say,GEN,$@) $(remote_strip) $(SUPERVISE_SH) > $@

$(BUILD)/gen/remote.inc: $(BUILD)/gen/remote.sh $(BUILD)/gen/supervise.sh
	$(call say,GEN,$@) { \
	  printf 'static const char remote_text[] = {'; $(call remote_bytes,$(BUILD)/gen/remote.sh); printf '0};\n'; \
	  printf 'static const char supervise_text[] = {'; $(call remote_bytes,$(BUILD)/gen/supervise.sh); printf '0};\n'; \
	  printf 'static const char supervise_hash[] = "%.16s";\n' "$$(sha256sum < $(BUILD)/gen/supervise.sh)"; \
	} > $@.tmp && mv $@.tmp $@

GENERATED += $(BUILD)/gen/remote.inc

$(BUILD)/obj/worker/ssh/remote/ops_text.o: $(BUILD)/gen/remote.inc
