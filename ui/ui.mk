# The web pages become part of the binary. They are bundled by node; where there is none, from what a release archive
# brings along in ui/prebuilt; where there is neither, the program is built without pages and says how to have them.
#
# The bundle doesn't depend on the compiler: all build folders below build/ share one, and one node_modules.
UI         := $(if $(filter build/%,$(BUILD)),build,$(BUILD))/ui
UI_SOURCE  := $(wildcard ui/src/*.* ui/src/*/*.* ui/style/*.*) ui/build.mjs ui/defines.mjs scheduler/engine/states.h
UI_TESTS   := $(wildcard ui/test/*.*) ui/test.mjs
UI_PACKAGE := ui/package.json ui/package-lock.json ui/.npmrc
UI_NODE    := $(shell command -v npm >/dev/null && command -v node)
UI_FROM    := $(if $(UI_NODE),node,$(if $(wildcard ui/prebuilt/index.html),prebuilt,nothing))
# Two makes at once, of the two compilers, must not install into one folder at once.
UI_LOCK     = mkdir -p $(UI) && flock $(UI)/lock
# What is installed is what was asked for. The stamps are gone while it isn't.
UI_DONE     = test -f $@ && cmp -s ui/package-lock.json $(UI)/package-lock.json && cmp -s ui/package.json $(UI)/package.json
UI_NPM      = rm -f $(UI)/modules $(UI)/modules-test && cp $(UI_PACKAGE) $(UI)/ && cd $(UI) && \
              npm ci --ignore-scripts --no-audit --no-fund --loglevel=error
UI_HINT     = { echo "npm has no packages for the web pages, as said above; make UI_NODE= builds without it" >&2; exit 1; }

# What the pages are made of changes when node comes or goes.
$(UI)/from: FORCE
	$(Q)mkdir -p $(@D); echo $(UI_FROM) | cmp -s - $@ || echo $(UI_FROM) > $@

$(UI)/modules: $(UI_PACKAGE)
	$(call say,NPM,$@) $(UI_LOCK) sh -ec 'if ! { $(UI_DONE); }; then \
	  if test -f $(UI)/modules-test; then ($(UI_NPM)) || $(UI_HINT); touch $(UI)/modules-test; \
	  else ($(UI_NPM) --omit=dev) || $(UI_HINT); fi; fi; touch $@'

# What the tests need as well: the type checker, and what drives a browser.
$(UI)/modules-test: $(UI_PACKAGE)
	$(call say,NPM,$@) $(UI_LOCK) sh -ec 'if ! { $(UI_DONE) && test -d $(UI)/node_modules/typescript; }; then \
	  ($(UI_NPM)) || $(UI_HINT); fi; touch $@ $(UI)/modules'

ui_node     = node ui/build.mjs $(UI)
ui_prebuilt = echo "node or npm is missing: the pages are those of ui/prebuilt" && rm -rf $(UI)/dist && cp -r ui/prebuilt $(UI)/dist
ui_nothing  = echo "node or npm is missing: built without the web pages; \`make setup-run\` installs them" && rm -rf $(UI)/dist

$(UI)/bundle: $(UI_SOURCE) $(UI)/from $(if $(UI_NODE),$(UI)/modules)
	$(call say,UI,$(UI)/dist) $(UI_LOCK) sh -ec '$(ui_$(UI_FROM)); touch $@'

$(BUILD)/gen/assets.inc: $(UI)/bundle ui/assets.sh
	$(Q)mkdir -p $(@D)
	$(call say,GEN,$@) if test -d $(UI)/dist; then ui/assets.sh $(UI)/dist > $@.tmp; else : > $@.tmp; fi && mv $@.tmp $@

# tsc finds the packages where they were installed, not beside the source.
$(UI)/tsconfig.json: ui/tsconfig.json
	$(Q)mkdir -p $(@D)
	$(Q)printf '{"extends": "%s/ui/tsconfig.json", "include": ["%s/ui/src", "%s/ui/test"], "compilerOptions": {"paths": {"*": ["%s/node_modules/*", "%s/node_modules/@types/*"]}, "typeRoots": ["%s/node_modules/@types"]}}\n' \
	  $(CURDIR) $(CURDIR) $(CURDIR) $(abspath $(UI)) $(abspath $(UI)) $(abspath $(UI)) > $@

$(UI)/types: $(UI_SOURCE) $(UI_TESTS) $(UI)/tsconfig.json $(UI)/modules-test
	$(call say,TSC,ui) node $(UI)/node_modules/typescript/bin/tsc -p $(UI)/tsconfig.json && touch $@

lint: lint-ui
lint-ui: $(UI)/types

unit-ui: $(UI)/bundle $(UI)/modules-test
	@node ui/test.mjs $(UI) $(T)

# What run.py wants before it runs tests beside each other.
ui-modules: $(UI)/modules-test

e2e: $(UI)/modules-test

# The tree as it is committed, with the pages, for machines without node.
DIST := rota-$(VERSION)
dist: $(UI)/bundle
	$(Q)test -f $(UI)/dist/index.html || { echo "an archive needs the web pages: \`make setup-run\` installs node and npm"; exit 1; }
	$(call say,DIST,$(BUILD)/$(DIST).tar.gz) rm -rf $(BUILD)/$(DIST) && git archive --prefix=$(DIST)/ HEAD | tar -x -C $(BUILD) && \
	  cp -r $(UI)/dist $(BUILD)/$(DIST)/ui/prebuilt && tar -C $(BUILD) --sort=name --owner=0 --group=0 --numeric-owner \
	  -czf $(BUILD)/$(DIST).tar.gz $(DIST) && rm -rf $(BUILD)/$(DIST)

shots: all $(UI)/modules-test
	@ROTA=$(abspath $(BUILD)/rota) ROTA_SOURCE=$(CURDIR) node tests/e2e/shots.mjs docs/images

.PHONY: ui-modules shots lint-ui unit-ui dist

#: make unit-ui      the tests of the web pages' pure parts and of their size; make lint-ui checks their types
#: make dist         $(BUILD)/rota-VERSION.tar.gz: the source with the web pages, to be built without node
#: make shots        takes the pictures of docs/images anew
