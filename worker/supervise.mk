# rota-supervise is started once for each attempt and stays for its whole life, so it is small: musl, static, no libc
# start-up worth speaking of. It shares nothing with the daemon's build but the warnings and the writer of logs.
SUPERVISE_CC  ?= musl-gcc
SUPERVISE_SRC := $(wildcard worker/supervise/*.c) worker/log_writer.c
SUPERVISE_OBJ := $(patsubst %.c,$(BUILD)/musl/%.o,$(SUPERVISE_SRC))
SUPERVISE_ALL  = -std=c17 -D_GNU_SOURCE -I. $(WARN) $(WERROR) -fno-common -fno-pie -Os -g -ffunction-sections \
                 -fno-asynchronous-unwind-tables -fno-unwind-tables -fstack-protector-strong -MMD -MP

$(BUILD)/rota-supervise: $(SUPERVISE_OBJ)
	$(call say,LINK,$@) $(SUPERVISE_CC) -static -no-pie -s -Wl,--gc-sections,--build-id=none,-z,noseparate-code -o $@ $^

$(BUILD)/musl/%.o: %.c
	$(Q)mkdir -p $(@D)
	$(call say,CC,$<) $(SUPERVISE_CC) $(SUPERVISE_ALL) -c -o $@ $<

# The unit tests of the worker run the real one.
$(patsubst %,$(BUILD)/%,$(filter tests/unit/worker/%,$(UNIT))): | $(BUILD)/rota-supervise
