# platen: one program, one Makefile. Objects go to build/, printed pages to out/.
#
#   make            build build/platen            make demo       print and serve the sample site
#   make test       every test; T=word some       make demo-stop  end it, remove its data
#   make unit       the unit tests alone          make lint       format, layers, docs match code, analysis
#   make install    DESTDIR= prefix=              make fuzz       each parser, FUZZ_SECONDS each
#   make bench      figures and ratios            make soak       the long forms of the fault tests
#   make format     clang-format, in place        make clean      remove build/
#   make analyze    clang's analyzer, a report    make docs       print the manuals anew
#   make golden     write tests/golden/site anew
#
# DEV=1 turns warnings into errors; SAN=address,undefined builds with sanitizers, in build/san-address-undefined;
# V=1 shows whole command lines.
# demo, test, unit, lint, bench, fuzz and soak first install what packages.txt says they need; the others never do.

prefix      ?= /usr/local
bindir      ?= $(prefix)/bin
datadir     ?= $(prefix)/share
mandir      ?= $(datadir)/man

ifeq ($(origin CC),default)
CC          := gcc
endif
PKG_CONFIG  ?= pkg-config
PYTHON      ?= /usr/bin/python3
CFLAGS      ?= -O2 -g
DEV         ?=
SAN         ?=
T           ?=
BENCH       ?=
BENCH_DIR   ?=
FUZZ_SECONDS ?= 60

comma := ,
# $(call run,WORD) in front of a recipe line: shows WORD and the target instead of the line, unless V=1.
run    = $(if $(V),,@printf '  %-5s %s\n' $(1) $@ && )
B     := build$(if $(SAN),/san-$(subst $(comma),-,$(SAN)))$(BUILD_SUFFIX)

LIBS     := libpq libcrypto zlib yaml-0.1 libcurl expat libmicrohttpd icu-uc icu-i18n
WARNINGS := -Wall -Wextra -Wshadow -Wconversion -Wstrict-prototypes -Wmissing-prototypes -Wformat-security
# As Debian builds its own packages. Sanitizers watch more than FORTIFY does, and the two get in each other's way.
HARDEN    = $(if $(SAN),,-U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2 -fstack-protector-strong -fstack-clash-protection)
HARDEN_LD = $(if $(SAN),,-pie -Wl,-z,relro,-z,now)
SANITIZE  = $(if $(SAN),-fsanitize=$(SAN) -fno-omit-frame-pointer -fno-sanitize-recover=all)

# Asked once, and only when something is compiled.
LIB_CFLAGS = $(eval LIB_CFLAGS := $$(shell $(PKG_CONFIG) --cflags $(LIBS)))$(LIB_CFLAGS)
LIB_LIBS   = $(eval LIB_LIBS := $$(shell $(PKG_CONFIG) --libs $(LIBS)))$(LIB_LIBS)

BASE_CFLAGS = -std=c17 -D_GNU_SOURCE -Isrc -pthread $(WARNINGS) $(LIB_CFLAGS)
ALL_CFLAGS  = $(BASE_CFLAGS) -fPIE $(HARDEN) $(if $(DEV),-Werror) $(SANITIZE) $(CPPFLAGS) $(CFLAGS)
ALL_LDFLAGS = -pthread $(HARDEN_LD) $(SANITIZE) $(LDFLAGS)

SOURCES := $(filter-out src/main.c,$(wildcard src/*/*.c))
OBJECTS := $(SOURCES:src/%.c=$(B)/%.o)
UNITS   := $(patsubst tests/unit/%.c,$(B)/unit/%,$(wildcard tests/unit/test_*.c))
BENCHES := $(patsubst tests/bench/%.c,$(B)/bench/%,$(filter-out %/tree.c,$(wildcard tests/bench/*.c)))
HELPERS := $(patsubst tests/helpers/%.c,$(B)/helpers/%,$(wildcard tests/helpers/*.c))
FUZZERS := $(patsubst tests/fuzz/fuzz_%.c,%,$(wildcard tests/fuzz/fuzz_*.c))

.PHONY: all test unit demo demo-stop lint analyze bench soak fuzz install clean format docs golden
.DELETE_ON_ERROR:
all: $(B)/platen

# ---- what has to be installed -------------------------------------------------------------------------------------

needs-demo  := build demo
needs-unit  := build test
needs-test  := build demo test
needs-golden := build demo test
needs-soak  := build demo test
needs-bench := build demo bench
needs-lint  := build lint
needs-analyze := build lint
needs-format  := lint
needs-fuzz  := build fuzz
NEEDS := $(sort $(foreach goal,$(MAKECMDGOALS),$(needs-$(goal))))

.PHONY: packages
packages:
ifneq ($(NEEDS),)
	@tools/packages $(NEEDS)
else
	@$(PKG_CONFIG) --exists $(LIBS) && command -v $(CC) >/dev/null || { \
	  echo "make: no $(CC), no pkg-config, or not all of $(LIBS)." >&2; \
	  echo "make: on Debian 12 this installs what is missing:  tools/packages build" >&2; exit 1; }
endif

# ---- the program --------------------------------------------------------------------------------------------------

# Holds the flags that everything was compiled with, and changes only with them (-Werror changes no object).
$(B)/flags: packages
	@mkdir -p $(@D)
	@printf '%s\n' '$(subst ','\'',$(CC) $(filter-out -Werror,$(ALL_CFLAGS)) $(ALL_LDFLAGS))' >$@.new
	@cmp -s $@.new $@ && rm $@.new || mv $@.new $@

$(B)/platen: $(B)/main.o $(B)/libplaten.a
	$(call run,LINK)$(CC) $(ALL_CFLAGS) $(ALL_LDFLAGS) -o $@ $^ $(LIB_LIBS)

$(B)/libplaten.a: $(OBJECTS)
	@rm -f $@
	@$(AR) rcs $@ $^

$(B)/%.o: src/%.c $(B)/flags
	@mkdir -p $(@D)
	$(call run,CC)$(CC) $(ALL_CFLAGS) -MMD -MP -c -o $@ $<

# ---- demo and tests -----------------------------------------------------------------------------------------------

demo: $(B)/platen
	@PLATEN=$(B)/platen tools/demo start

demo-stop:
	@tools/demo stop

$(B)/unit/%: tests/unit/%.c $(B)/libplaten.a
	@mkdir -p $(@D)
	$(call run,CC)$(CC) $(ALL_CFLAGS) -Itests/unit $(ALL_LDFLAGS) -MMD -MP -MF $@.d -o $@ $< $(B)/libplaten.a $(LIB_LIBS) -lcmocka

# Every fuzz target with its committed corpus, once, by whatever compiler there is.
$(B)/corpus/%: tests/fuzz/fuzz_%.c tests/fuzz/standalone.c $(B)/libplaten.a
	@mkdir -p $(@D)
	$(call run,CC)$(CC) $(ALL_CFLAGS) $(ALL_LDFLAGS) -MMD -MP -MF $@.d -o $@ $(filter %.c,$^) $(B)/libplaten.a $(LIB_LIBS)

# Small programs through which the integration tests reach modules that no command shows.
$(B)/helpers/%: tests/helpers/%.c $(B)/libplaten.a
	@mkdir -p $(@D)
	$(call run,CC)$(CC) $(ALL_CFLAGS) $(ALL_LDFLAGS) -MMD -MP -MF $@.d -o $@ $< $(B)/libplaten.a $(LIB_LIBS)

unit: $(UNITS)
	@$(PYTHON) tests/run --build $(B) --only unit $(if $(T),-k '$(T)')

test: $(B)/platen $(UNITS) $(HELPERS) $(FUZZERS:%=$(B)/corpus/%)
	@$(PYTHON) tests/run --build $(B) $(if $(T),-k '$(T)')

golden: $(B)/platen
	@WRITE_GOLDEN=write $(PYTHON) tests/run --build $(B) --only pytest -k test_golden

soak: $(B)/platen $(HELPERS)
	@PLATEN_SOAK=1 $(PYTHON) tests/run --build $(B) --only soak $(if $(T),-k '$(T)')

# BENCH=quick: fewer repeats; BENCH=uploads: those alone. BENCH_DIR: a folder on the disk to be measured.
bench: $(B)/platen $(BENCHES)
	@$(PYTHON) -B tests/bench/run --build $(B) $(if $(filter quick,$(BENCH)),--quick) $(if $(filter uploads,$(BENCH)),--uploads) $(if $(BENCH_DIR),--dir '$(BENCH_DIR)')

$(B)/bench/%: tests/bench/%.c tests/bench/tree.c tests/bench/tree.h $(B)/libplaten.a
	@mkdir -p $(@D)
	$(call run,CC)$(CC) $(ALL_CFLAGS) $(ALL_LDFLAGS) -MMD -MP -MF $@.d -o $@ $(filter %.c,$^) $(B)/libplaten.a $(LIB_LIBS)

# ---- fuzzing: objects of their own, by clang ----------------------------------------------------------------------

F            := build/fuzz
FUZZ_FLAGS   := -O1 -g -fno-omit-frame-pointer -fno-sanitize-recover=all
FUZZ_OBJECTS := $(SOURCES:src/%.c=$(F)/%.o)

fuzz: $(FUZZERS:%=$(F)/fuzz_%)
	@tests/fuzz/run $(FUZZ_SECONDS) $^

$(F)/%.o: src/%.c | packages
	@mkdir -p $(@D)
	$(call run,FUZZ)clang $(BASE_CFLAGS) $(FUZZ_FLAGS) -fsanitize=fuzzer-no-link,address,undefined -MMD -MP -c -o $@ $<

$(F)/libplaten.a: $(FUZZ_OBJECTS)
	@rm -f $@
	@$(AR) rcs $@ $^

$(F)/fuzz_%: tests/fuzz/fuzz_%.c $(F)/libplaten.a
	$(call run,FUZZ)clang $(BASE_CFLAGS) $(FUZZ_FLAGS) -fsanitize=fuzzer,address,undefined -MMD -MP -MF $@.d -o $@ $< \
	  $(F)/libplaten.a $(LIB_LIBS)

# ---- lint ---------------------------------------------------------------------------------------------------------

FORMATTED := $(wildcard src/*.c src/*/*.[ch] tests/*/*.[ch])

format: packages
	clang-format -i $(FORMATTED)

lint: $(B)/platen
	@PLATEN=$(B)/platen CFLAGS_FOR_TIDY='$(BASE_CFLAGS)' tests/lint/run

docs: $(B)/platen
	$(PYTHON) -B tests/lint/docs_match.py --write $(B)/platen

analyze: packages
	@CFLAGS_FOR_TIDY='$(BASE_CFLAGS)' tests/lint/run --analyze

# ---- install ------------------------------------------------------------------------------------------------------

# The default site goes to $(datadir)/platen: copy it and change it. Every file is readable by all, whatever the umask.
install: $(B)/platen
	install -d $(DESTDIR)$(bindir) $(DESTDIR)$(mandir)/man1 $(DESTDIR)$(datadir)/platen \
	  $(DESTDIR)$(datadir)/bash-completion/completions $(DESTDIR)$(datadir)/zsh/site-functions \
	  $(DESTDIR)$(datadir)/fish/vendor_completions.d
	install -m 755 $(B)/platen $(DESTDIR)$(bindir)/platen
	install -m 644 deploy/man/platen.1 $(DESTDIR)$(mandir)/man1/platen.1
	install -m 644 deploy/completion/platen.bash $(DESTDIR)$(datadir)/bash-completion/completions/platen
	install -m 644 deploy/completion/_platen $(DESTDIR)$(datadir)/zsh/site-functions/_platen
	install -m 644 deploy/completion/platen.fish $(DESTDIR)$(datadir)/fish/vendor_completions.d/platen.fish
	install -m 644 platen.yaml deploy/platen.sample.yaml $(DESTDIR)$(datadir)/platen/
	for file in $$(find templates static sql -type f); do \
	  install -D -m 644 $$file $(DESTDIR)$(datadir)/platen/$$file || exit 1; done

clean:
	rm -rf build

-include $(OBJECTS:.o=.d) $(B)/main.d $(UNITS:=.d) $(HELPERS:=.d) $(BENCHES:=.d) $(FUZZERS:%=$(B)/corpus/%.d) $(FUZZ_OBJECTS:.o=.d) \
  $(FUZZERS:%=$(F)/fuzz_%.d)
