# Journals of real daemons, which every build decides again (docs/journal.md).
replay-keep: all
	@ROTA=$(abspath $(BUILD)/rota) tests/replay/keep.py '$(subst ','\'',$(WHY))'

.PHONY: replay-keep

#: make replay-keep  makes the kept journals of tests/replay anew, WHY="what is decided otherwise, and why"
