# Each file is checked again only after it, a header that it includes or the rules have changed.
LINT_C      := $(wildcard $(ROOMS:%=%/*.c) worker/*/*.c tests/unit/*/*.c tests/bench/*.c tests/sim/*.c)
LINT_FORMAT := $(LINT_C) $(wildcard $(ROOMS:%=%/*.h) worker/*/*.h tests/unit/*.h tests/unit/*/*.h tests/bench/*.h tests/sim/*.h)
TIDY        := $(LINT_C:%.c=$(BUILD)/lint/%.tidy)
# The analyzer's search is cut at a twentieth of its usual length, by which the whole takes an eighth of the time;
# `make lint BUILD=build/deep LINT_NODES=225000` searches as far as it does by itself.
LINT_NODES  ?= 10000
LINT_FLAGS   = -std=c17 -D_GNU_SOURCE -DROTA_VERSION='"$(VERSION)"' -I. -I$(BUILD)/gen $(WARN) $(PKGC) \
               -Xclang -analyzer-config -Xclang max-nodes=$(LINT_NODES)

lint: lint-tidy lint-cppcheck lint-format lint-tree

lint-tidy: $(TIDY)

# The object stands for all that the file includes, what is generated as well.
$(BUILD)/lint/%.tidy: %.c $(BUILD)/obj/%.o .clang-tidy tests/lint/advice.sh
	$(Q)mkdir -p $(@D)
	$(call say,TIDY,$<) tests/lint/advice.sh clang-tidy 14 clang-tidy --quiet $< -- $(LINT_FLAGS) && touch $@
-include $(LINT_C:%.c=$(BUILD)/obj/%.d)

lint-cppcheck:
	@mkdir -p $(BUILD)/lint/cppcheck
	$(call say,CPPCHECK,.) tests/lint/advice.sh cppcheck 2 cppcheck --quiet -j2 --error-exitcode=1 --std=c11 \
	  --enable=warning,performance,portability --inline-suppr --suppressions-list=tests/lint/cppcheck.txt \
	  --cppcheck-build-dir=$(BUILD)/lint/cppcheck -D_GNU_SOURCE -I. $(LINT_C)

lint-format:
	$(call say,FORMAT,.) tests/lint/advice.sh clang-format 14 clang-format --dry-run -Werror $(LINT_FORMAT)

lint-tree:
	$(call say,TREE,.) tests/lint/tree.sh && tests/lint/includes.sh
	@find tests worker scheduler cli .ci -name '*.sh' | xargs -r shellcheck .ci/run

# gcc's analyzer over the program, with the optimisation at which gcc 12 follows most. What it is mistaken about is
# switched off where it is, with the reason.
ANALYZED     := $(patsubst %.c,$(BUILD)/analyze/%.done,$(filter-out tests/%,$(LINT_C)))
analyze: $(ANALYZED)
$(BUILD)/analyze/%.done: %.c $(BUILD)/obj/%.o
	$(Q)mkdir -p $(@D)
	$(call say,ANALYZE,$<) gcc $(ALL) -O1 -Werror -fanalyzer $(PKGC) -MF $(@:.done=.d) -c -o /dev/null $< && touch $@

.PHONY: analyze lint lint-tidy lint-cppcheck lint-format lint-tree

#: make analyze      gcc -fanalyzer over the program
#: make lint         clang-tidy, cppcheck, clang-format, shellcheck, the include rules of docs/architecture.md
