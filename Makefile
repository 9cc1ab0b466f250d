# rota: `make` builds build/rota, `make run` shows it at work, `make test` proves it. `make help` lists the rest.
BUILD   ?= build
CC      ?= cc
CFLAGS  ?= -O2 -g
WERROR  ?= $(if $(CI),-Werror)
PREFIX  ?= /usr/local
DESTDIR ?=

VERSION := 0.1.0
PKGS    := libuv sqlite3 yaml-0.1 jansson libcrypto libmicrohttpd libcurl
WARN    := -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wstrict-prototypes -Wold-style-definition \
           -Wmissing-prototypes -Wredundant-decls -Wpointer-arith -Wcast-qual -Wwrite-strings -Wformat=2 -Wundef \
           -Wvla -Wnull-dereference -Wdouble-promotion -Werror=implicit-function-declaration \
           -Werror=incompatible-pointer-types -Werror=int-conversion -Werror=return-type
HARDEN  := -fno-common -fstack-protector-strong -fPIE
ALL     := -std=c17 -D_GNU_SOURCE -DROTA_VERSION='"$(VERSION)"' -I. $(WARN) $(WERROR) $(HARDEN) -MMD -MP
PKGC     = $(shell pkg-config --cflags $(PKGS))
PKGL     = $(shell pkg-config --libs $(PKGS))
LDFLAGS ?=
LINK    := -pie -Wl,-z,relro,-z,now,-z,noexecstack -Wl,--as-needed

# A room is a folder; each becomes an archive. The order is who may know whom: a room links only with those after it.
ROOMS   := cli scheduler/daemon scheduler/api scheduler/store scheduler/engine scheduler/spec worker base
archive  = $(BUILD)/$(subst /,-,$(1)).a
ARCHIVES := $(foreach r,$(ROOMS),$(call archive,$(r)))
Q       := $(if $(V),,@)
say      = @printf '  %-7s %s\n' $(1) $(2);

all: $(BUILD)/rota $(BUILD)/rota-supervise

$(BUILD)/rota: $(ARCHIVES)
	$(call say,LINK,$@) $(CC) $(CFLAGS) $(LINK) $(LDFLAGS) -o $@ -Wl,--start-group $^ -Wl,--end-group $(PKGL) -lpthread -lm

$(BUILD)/obj/%.o: %.c
	$(Q)mkdir -p $(@D)
	$(call say,CC,$<) $(CC) $(ALL) $(CFLAGS) $(PKGC) -c -o $@ $<

define room
$(call archive,$(1)): $(patsubst %.c,$(BUILD)/obj/%.o,$(wildcard $(1)/*.c))
	$$(call say,AR,$$@) rm -f $$@ && ar rcs $$@ $$^
endef
$(foreach r,$(ROOMS),$(eval $(call room,$(r))))

include tests/tests.mk
include worker/supervise.mk
-include $(shell find $(BUILD) -name '*.d' 2>/dev/null)

clean:
	rm -rf $(BUILD)

.PHONY: all clean
