# tests/unit/ROOM/NOUN_test.c is one program; it links with its own room and the rooms that room may know.
UNIT         := $(patsubst %.c,%,$(wildcard tests/unit/*/*_test.c))
TEST_OBJECTS := $(UNIT:%=$(BUILD)/obj/%.o)
spec         := scheduler/spec scheduler/spec/yaml scheduler/spec/expr scheduler/spec/time
need_base    := base
need_spec    := $(spec) base
need_engine  := scheduler/engine $(spec) base
need_journal := scheduler/journal scheduler/engine $(spec) base
need_store   := scheduler/store scheduler/engine $(spec) base
need_api     := scheduler/api base
need_worker  := worker base
need_ssh     := worker/ssh worker/ssh/link worker/ssh/transport worker/ssh/remote worker scheduler/spec base
need_daemon  := scheduler/daemon scheduler/daemon/handlers scheduler/daemon/access scheduler/daemon/pages scheduler/daemon/logs scheduler/daemon/events scheduler/daemon/health scheduler/daemon/foreground scheduler/api scheduler/store scheduler/journal scheduler/engine $(spec) worker worker/ssh worker/ssh/link worker/ssh/transport worker/ssh/remote base
need_cli     := cli $(need_daemon)

# What the tests of a room are linked with beside it: those of the store have a disk that fails.
include tests/sim/disk.mk
with_store   := $(DISK_OBJECT)
link_store   := $(DISK_LINK)

define unit_test
$(BUILD)/$(1): $(BUILD)/obj/$(1).o $(with_$(2)) $(foreach r,$(need_$(2)),$(call archive,$(r)))
	$(Q)mkdir -p $$(@D)
	$$(call say,LINK,$$@) $$(CC) $$(CFLAGS) $$(LINK) $$(LDFLAGS) $(link_$(2)) -o $$@ $(BUILD)/obj/$(1).o $(with_$(2)) \
	  -Wl,--start-group $(foreach r,$(need_$(2)),$(call archive,$(r))) -Wl,--end-group $$(PKGL) -lcmocka -lpthread -lm
endef
$(foreach t,$(UNIT),$(eval $(call unit_test,$(t),$(notdir $(patsubst %/,%,$(dir $(t)))))))

UNIT_CHOSEN = $(foreach t,$(if $(ROOM),$(filter tests/unit/$(ROOM)/%,$(UNIT)),$(UNIT)),$(BUILD)/$(t))

# The kept inputs of the fuzzer are unit tests as well.
include tests/fuzz/fuzz.mk

unit-programs: $(UNIT_CHOSEN)

objects: $(OBJECTS) $(TEST_OBJECTS)

unit: $(UNIT_CHOSEN)
	@for t in $^; do timeout 120 ./$$t || exit 1; done

integration: all
	@tests/run.py --build $(BUILD) $(if $(T),--only '$(T)') integration

# From the version before the newest migration to this one and back, with so many live tasks.
upgrade: all
	@UPGRADE_TASKS=$(or $(TASKS),1000) tests/run.py --build $(BUILD) --only upgrade integration

e2e: all
	@tests/run.py --build $(BUILD) $(if $(T),--only '$(T)') e2e

test: setup-test
	@tests/run.py --build $(BUILD)/test compile lint unit integration e2e

# The sanitizers confuse gcc's reasoning about null pointers, hence the two exceptions.
asan: setup-test
	@tests/run.py --build $(BUILD)/asan --slow 4 --make CC=gcc --make "CFLAGS=-O1 -g -fno-omit-frame-pointer \
	  -fsanitize=address,undefined -fno-sanitize-recover=all -Wno-null-dereference -Wno-maybe-uninitialized" \
	  build unit integration

# The thread sanitizer is told nothing of what libraries do that aren't built with it; tests/tsan.txt says what it is
# mistaken about, and why. TSAN_ONLY takes those tests whose names contain it.
tsan: setup-test
	@tests/run.py --build $(BUILD)/tsan --slow 8 --only '$(TSAN_ONLY)' --make CC=gcc --make "CFLAGS=-O1 -g \
	  -fno-omit-frame-pointer -fsanitize=thread -Wno-null-dereference -Wno-maybe-uninitialized" \
	  build unit integration

# What the tests of a room, or the stages that are named, reach of the program; without optimisation, so that a branch
# of the text is one of the program.
COVER_STAGES ?= build unit integration
COVER        := BUILD=$(BUILD)/coverage CC=gcc CFLAGS="-O0 -g --coverage -fprofile-update=atomic"
coverage: setup-test
	@find $(BUILD)/coverage -name '*.gcda' -delete 2>/dev/null || true
	@tests/run.py --build $(BUILD)/coverage --slow 2 --make CC=gcc \
	  --make "CFLAGS=-O0 -g --coverage -fprofile-update=atomic" $(COVER_STAGES)
	@tests/coverage.py $(BUILD)/coverage

# The unit tests of engine and spec, the kept inputs of the fuzzer among them, against a bound in each of the two rooms.
coverage-unit:
	@mkdir -p $(BUILD)/coverage && find $(BUILD)/coverage -name '*.gcda' -delete
	@for room in engine spec fuzz; do $(MAKE) --no-print-directory $(COVER) unit ROOM=$$room >$(BUILD)/coverage/unit.log || \
	  { cat $(BUILD)/coverage/unit.log; exit 1; }; done
	@tests/coverage.py $(BUILD)/coverage --least scheduler/engine=95 --least scheduler/spec=96 $(if $(MISSING),--missing $(MISSING))

.PHONY: unit-programs objects unit integration upgrade e2e test asan tsan coverage coverage-unit

#: make test         all of it: gcc and clang with warnings as errors, lint, unit, integration and end-to-end tests
#: make unit         the unit tests, of one room with ROOM=spec
#: make integration  the tests of the real program, those whose name contains X with T=X
#: make upgrade      up from the version before and back to it with TASKS=1000 live tasks
#: make e2e          the tests in a browser, those whose name contains X with T=X
#: make coverage     lines and branches that the unit and integration tests reach, a room
#: make coverage-unit  those that the unit tests of engine and spec reach there: fails under 95 and 96 of 100 branches
#: make asan         the unit and integration tests under the address, leak and undefined behaviour sanitizers
#: make tsan         the unit and integration tests under the thread sanitizer
