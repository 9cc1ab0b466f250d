# rota: `make` builds build/rota, `make run` shows it at work, `make test` proves it. `make help` lists the rest.
BUILD   ?= build
CC      ?= cc
CFLAGS  ?= -O2 -g
LDFLAGS ?=
WERROR  ?= $(if $(CI),-Werror)
PREFIX  ?= /usr/local
DESTDIR ?=

VERSION := 0.1.0
PKGS    := libuv sqlite3 yaml-0.1 jansson libmicrohttpd gnutls libpcre2-8
LOADED  := libcurl libssh2
WARN    := -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wstrict-prototypes -Wold-style-definition \
           -Wmissing-prototypes -Wredundant-decls -Wpointer-arith -Wcast-qual -Wwrite-strings -Wformat=2 -Wundef \
           -Wvla -Wnull-dereference -Wdouble-promotion -Werror=implicit-function-declaration \
           -Werror=incompatible-pointer-types -Werror=int-conversion -Werror=return-type
HARDEN  := -fno-common -fstack-protector-strong -fPIE
# What the build generates lies in $(BUILD)/gen.
ALL     := -std=c17 -D_GNU_SOURCE -DROTA_VERSION='"$(VERSION)"' -I. -I$(BUILD)/gen $(WARN) $(WERROR) $(HARDEN) -MMD -MP
LINK    := -pie -Wl,-z,relro,-z,now,-z,noexecstack -Wl,--as-needed

# What pkg-config says, asked once and only by what compiles or links. What is loaded when it is needed (cli/curl_lib.h)
# isn't linked.
ask      = $(or $(shell pkg-config $(1)),$(if $(filter-out 0,$(.SHELLSTATUS)),$(error libraries are missing, \
             as said above; `make setup-run` installs them)))
PKGC     = $(eval PKGC := $(call ask,--cflags $(PKGS) $(LOADED)))$(PKGC)
PKGL     = $(eval PKGL := $(call ask,--libs $(PKGS)))$(PKGL)

# A room is a folder; each becomes an archive. Who may know whom stands in docs/architecture.md, and `make lint` checks it.
ROOMS    := cli scheduler/daemon scheduler/daemon/handlers scheduler/daemon/access scheduler/daemon/pages scheduler/daemon/logs scheduler/daemon/events scheduler/daemon/health scheduler/daemon/foreground scheduler/api scheduler/store scheduler/journal \
            scheduler/engine scheduler/spec scheduler/spec/yaml scheduler/spec/expr scheduler/spec/time worker worker/ssh worker/ssh/link worker/ssh/transport worker/ssh/remote base
archive   = $(BUILD)/$(subst /,-,$(1)).a
objects   = $(patsubst %.c,$(BUILD)/obj/%.o,$(wildcard $(1)/*.c))
ARCHIVES := $(foreach r,$(ROOMS),$(call archive,$(r)))
OBJECTS  := $(foreach r,$(ROOMS),$(call objects,$(r)))
Q        := $(if $(V),,@)
say       = @printf '  %-7s %s\n' $(1) $(2);

all: $(BUILD)/rota $(BUILD)/rota-supervise

$(BUILD)/rota: $(ARCHIVES)
	$(call say,LINK,$@) $(CC) $(CFLAGS) $(LINK) $(LDFLAGS) -o $@ -Wl,--start-group $^ -Wl,--end-group $(PKGL) -lpthread -lm

$(BUILD)/obj/%.o: %.c $(BUILD)/flags
	$(Q)mkdir -p $(@D)
	$(call say,CC,$<) $(CC) $(ALL) $(CFLAGS) $(PKGC) -c -o $@ $<

# Another compiler or other flags in the same folder build everything anew.
$(BUILD)/flags: FORCE
	$(Q)mkdir -p $(@D); echo '$(subst ','\'',$(CC) $(CFLAGS) $(filter-out -Werror,$(ALL)))' | cmp -s - $@ || \
	  echo '$(subst ','\'',$(CC) $(CFLAGS) $(filter-out -Werror,$(ALL)))' > $@

define room
$(call archive,$(1)): $(call objects,$(1))
	$$(call say,AR,$$@) rm -f $$@ && ar rcs $$@ $$^
endef
$(foreach r,$(ROOMS),$(eval $(call room,$(r))))

# What only one room needs stands in the room: worker/supervise.mk, scheduler/store/store.mk, ...
include tests/tests.mk $(sort $(foreach r,$(ROOMS),$(wildcard $(r)/*.mk))) $(wildcard ui/ui.mk) tests/lint/lint.mk tests/bench/bench.mk tests/torture/torture.mk tests/turn/turn.mk tests/mutants/mutants.mk tests/sim/sim.mk tests/replay/replay.mk
-include $(OBJECTS:.o=.d) $(TEST_OBJECTS:.o=.d) $(SUPERVISE_OBJ:.o=.d)

setup-run setup-test:
	@tests/setup.sh $(@:setup-%=%)

clean:
	rm -rf $(BUILD)

help:
	@sed -n 's/^#: //p' $(filter %Makefile %.mk,$(MAKEFILE_LIST))

FORCE:
.SECONDARY:
.PHONY: all setup-run setup-test clean help FORCE

#: make              build/rota and build/rota-supervise
#: make setup-run    installs what building and running needs, with the system's package manager
#: make setup-test   the same and what the tests need
#: make clean        removes build/
#: Variables: BUILD=build CC=cc CFLAGS="-O2 -g" PREFIX=/usr/local DESTDIR= V=1 (shows the commands)
