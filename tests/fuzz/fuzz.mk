# Each tests/fuzz/NAME_fuzz.c is a target for libFuzzer (clang with compiler-rt). `make fuzz` looks for inputs that break
# one, and collects in build/fuzz/corpus what reaches new places; `make fuzz-keep` writes the fewest of them that reach
# all into tests/fuzz/corpus/NAME.b64. They and what was written by hand (corpus/NAME/) are fed to the targets again by
# `make unit`, built with the ordinary compiler.
FUZZ         := $(patsubst tests/fuzz/%_fuzz.c,%,$(wildcard tests/fuzz/*_fuzz.c))
FUZZ_SECONDS ?= 60
FUZZ_RUNS    ?= -1
FUZZ_ONLY    ?= $(FUZZ)
# Freed memory is kept from use for the next few thousand allocations, not for the next million, and which inputs are
# tried more often isn't reckoned anew after each run: both cost more than the readers themselves.
FUZZ_ASAN     = quarantine_size_mb=4:malloc_context_size=4
FUZZ_FLAGS   ?= -entropic=0
# Longer inputs say nothing new, and take longer.
FUZZ_LEN     := config=800 expr=200 knownhosts=600 logfile=1200 logtext=400 pattern=400 pipeline=800 record=768 request=400 \
                rundir=1024 spec=600 sshconfig=512 values=200
FUZZ_OBJECT  := $(FUZZ:%=$(BUILD)/obj/tests/fuzz/%_fuzz.o) $(BUILD)/obj/tests/fuzz/replay.o
TEST_OBJECTS += $(FUZZ_OBJECT)
UNIT_CHOSEN  += $(if $(filter-out fuzz,$(ROOM)),,$(FUZZ:%=$(BUILD)/tests/fuzz/%_replay))
# What a target knows of the program.
fuzz_rooms    = $(need_daemon)
# These targets have their files in memory: the readers of files are compiled for it, and come before the rooms'.
in_memory         = $(BUILD)/obj/tests/fuzz/memory.o $(1:%=$(BUILD)/obj/tests/fuzz/memory/%.o)
memory_of_logfile = $(call in_memory,worker/attempt_dir worker/logfile)
memory_of_record  = $(call in_memory,worker/attempt_dir worker/look worker/logfile worker/ssh/host_record base/file)
memory_of_rundir  = $(call in_memory,worker/look)
memory_of_spec    = $(call in_memory,worker/supervise/spec worker/supervise/text)
TEST_OBJECTS     += $(memory_of_record) $(memory_of_spec)

$(BUILD)/obj/tests/fuzz/memory/%.o: %.c tests/fuzz/memory.h $(BUILD)/flags
	$(Q)mkdir -p $(@D)
	$(call say,CC,"$< (memory)") $(CC) $(ALL) $(CFLAGS) $(PKGC) -include tests/fuzz/memory.h -c -o $@ $<

define fuzz_target
$(BUILD)/tests/fuzz/$(1)_replay: $(BUILD)/obj/tests/fuzz/$(1)_fuzz.o $(BUILD)/obj/tests/fuzz/replay.o $(memory_of_$(1)) \
    $(foreach r,$(fuzz_rooms),$(call archive,$(r)))
	$(Q)mkdir -p $$(@D)
	$$(call say,LINK,$$@) $$(CC) $$(CFLAGS) $$(LINK) $$(LDFLAGS) -o $$@ $(BUILD)/obj/tests/fuzz/$(1)_fuzz.o \
	  $(BUILD)/obj/tests/fuzz/replay.o $(memory_of_$(1)) -Wl,--start-group $(foreach r,$(fuzz_rooms),$(call archive,$(r))) -Wl,--end-group \
	  $$(PKGL) -lpthread -lm

$(BUILD)/tests/fuzz/$(1)_fuzz: $(BUILD)/obj/tests/fuzz/$(1)_fuzz.o $(memory_of_$(1)) $(foreach r,$(fuzz_rooms),$(call archive,$(r)))
	$(Q)mkdir -p $$(@D)
	$$(call say,LINK,$$@) $$(CC) $$(CFLAGS) -fsanitize=fuzzer $$(LINK) $$(LDFLAGS) -o $$@ \
	  $(BUILD)/obj/tests/fuzz/$(1)_fuzz.o $(memory_of_$(1)) -Wl,--start-group $(foreach r,$(fuzz_rooms),$(call archive,$(r))) -Wl,--end-group \
	  $$(PKGL) -lpthread -lm

fuzz-run-$(1): $(BUILD)/tests/fuzz/$(1)_fuzz
	$(Q)mkdir -p $(BUILD)/corpus/$(1) && tests/fuzz/seeds.sh $(1) $(BUILD)/corpus/$(1)
	ASAN_OPTIONS=$(FUZZ_ASAN) $$< -max_total_time=$(FUZZ_SECONDS) -runs=$(FUZZ_RUNS) -timeout=10 -rss_limit_mb=2048 \
	  -print_final_stats=1 -verbosity=0 $(patsubst $(1)=%,-max_len=%,$(filter $(1)=%,$(FUZZ_LEN))) $(FUZZ_FLAGS) \
	  $$(if $$(wildcard tests/fuzz/$(1).dict),-dict=tests/fuzz/$(1).dict) -artifact_prefix=$(BUILD)/$(1)- \
	  $(BUILD)/corpus/$(1) $$(wildcard tests/fuzz/corpus/$(1))

fuzz-keep-$(1): $(BUILD)/tests/fuzz/$(1)_fuzz
	$(Q)mkdir -p $(BUILD)/corpus/$(1) && tests/fuzz/seeds.sh $(1) $(BUILD)/corpus/$(1)
	$(Q)tests/fuzz/keep.sh $$< $(1) $(BUILD)/corpus/$(1)
endef
$(foreach t,$(FUZZ),$(eval $(call fuzz_target,$(t))))

# The whole program is built with the fuzzer's counters and the sanitizers, in a folder of its own.
fuzz fuzz-keep:
	@$(MAKE) --no-print-directory BUILD=build/fuzz CC=clang \
	  CFLAGS="-O1 -g -fno-omit-frame-pointer -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=all" \
	  $(foreach t,$(FUZZ_ONLY),$(if $(filter fuzz,$@),fuzz-run,$@)-$(t))

.PHONY: fuzz fuzz-keep

#: make fuzz         looks for inputs that break a reader, FUZZ_SECONDS=60 each, all or FUZZ_ONLY="cron expr"
#: make fuzz-keep    keeps in tests/fuzz/corpus what it found that reaches new places
