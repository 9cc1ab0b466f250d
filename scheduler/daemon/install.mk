# Installing: programs, the systemd unit, the documentation. What belongs to the user is made once and never replaced.
SYSCONFDIR ?= /etc
SYSTEMD    := scheduler/daemon/systemd
at          = $(DESTDIR)$(PREFIX)/$(1)
etc         = $(DESTDIR)$(SYSCONFDIR)/rota
# A program that runs can't be written to, but its name can be given to another: so a new file is renamed over the old.
put         = install -m $(1) $(2) $(3).new && mv -f $(3).new $(3)
filled      = sed 's|@PREFIX@|$(PREFIX)|g; s|@SYSCONFDIR@|$(SYSCONFDIR)|g' $(1) > $(2).new && mv -f $(2).new $(2)
made        = $(1) > $(2).new && mv -f $(2).new $(2)
DOCUMENTS   = $(wildcard docs/*.md) README.md LICENSE

install: all
	$(Q)umask 022; set -e; \
	  install -d $(call at,bin) $(call at,libexec/rota) $(call at,lib/systemd/system) $(call at,lib/sysusers.d) \
	    $(call at,lib/tmpfiles.d) $(call at,share/man/man1) $(call at,share/bash-completion/completions) \
	    $(call at,share/zsh/site-functions) $(call at,share/rota/prometheus) $(call at,share/doc/rota) $(etc) $(etc)/dags; \
	  $(call put,755,$(BUILD)/rota-supervise,$(call at,libexec/rota/rota-supervise)); \
	  $(call put,755,$(BUILD)/rota,$(call at,bin/rota)); \
	  $(call filled,$(SYSTEMD)/rota.service.in,$(call at,lib/systemd/system/rota.service)); \
	  $(call put,644,$(SYSTEMD)/sysusers.conf,$(call at,lib/sysusers.d/rota.conf)); \
	  $(call put,644,$(SYSTEMD)/tmpfiles.conf,$(call at,lib/tmpfiles.d/rota.conf)); \
	  $(call put,644,scheduler/daemon/prometheus/rota.rules.yaml,$(call at,share/rota/prometheus/rota.rules.yaml)); \
	  $(call made,$(BUILD)/rota manual,$(call at,share/man/man1/rota.1)); \
	  $(call made,$(BUILD)/rota completion bash,$(call at,share/bash-completion/completions/rota)); \
	  $(call made,$(BUILD)/rota completion zsh,$(call at,share/zsh/site-functions/_rota)); \
	  for file in $(DOCUMENTS); do $(call put,644,$$file,$(call at,share/doc/rota/$${file##*/})); done; \
	  rm -rf $(call at,share/doc/rota/examples); \
	  find dags -name '__pycache__' -prune -o -type f -print | while read -r file; do \
	    mode=644; test ! -x "$$file" || mode=755; \
	    install -D -m $$mode "$$file" "$(call at,share/doc/rota/examples)/$${file#dags/}"; \
	  done; \
	  test -e $(etc)/rota.yaml || install -m 644 $(SYSTEMD)/rota.yaml $(etc)/rota.yaml
	@echo "Installed below $(DESTDIR)$(PREFIX); docs/operations.md says how to start it as a service."

# What the user wrote and what the daemon recorded stay: $(SYSCONFDIR)/rota and /var/lib/rota.
uninstall:
	$(Q)rm -f $(call at,bin/rota) $(call at,lib/systemd/system/rota.service) $(call at,lib/sysusers.d/rota.conf) \
	  $(call at,lib/tmpfiles.d/rota.conf) $(call at,share/man/man1/rota.1) \
	  $(call at,share/bash-completion/completions/rota) $(call at,share/zsh/site-functions/_rota)
	$(Q)rm -rf $(call at,libexec/rota) $(call at,share/rota) $(call at,share/doc/rota)

# Builds, starts the daemon on dags/ with its state in build/run, and shows a first run.
run: setup-run
	@$(MAKE) --no-print-directory all
	@scheduler/daemon/try.sh $(BUILD)

.PHONY: install uninstall run

#: make run          installs what is missing, builds, starts the daemon on dags/ and shows a first run
#: make install      into PREFIX, below DESTDIR if that is set; /etc/rota/rota.yaml is never overwritten
#: make uninstall    removes what install put there, but for /etc/rota and /var/lib/rota
