# platen: one program, one Makefile. Objects go to build/, printed pages to out/.
#
#   make            build build/platen            make demo       print and serve the sample site
#   make test       every test                    make demo-stop  end it
#   make install    DESTDIR= prefix=              make lint       format, layers, docs match code
#   make bench      figures and ratios            make fuzz       each parser, FUZZ_SECONDS each
#   make soak       the long forms of fault tests make clean
#
# DEV=1 turns warnings into errors; SAN=address,undefined builds with sanitizers (in build/san-...).

prefix      ?= /usr/local
bindir      ?= $(prefix)/bin
mandir      ?= $(prefix)/share/man
datadir     ?= $(prefix)/share/platen
CC          ?= cc
PKG_CONFIG  ?= pkg-config
CFLAGS      ?= -O2 -g
SAN         ?=
DEV         ?=

comma := ,
B     := build$(if $(SAN),/san-$(subst $(comma),-,$(SAN)))$(BUILD_SUFFIX)

LIBS     := libpq libcrypto zlib yaml-0.1 libmicrohttpd icu-uc icu-i18n
WARNINGS := -Wall -Wextra -Wshadow -Wconversion -Wstrict-prototypes -Wmissing-prototypes
P_CFLAGS  = -std=c17 -D_GNU_SOURCE -Isrc -pthread $(WARNINGS) $(if $(DEV),-Werror) \
            $(if $(SAN),-fsanitize=$(SAN) -fno-omit-frame-pointer -fno-sanitize-recover=all) \
            $(LIB_CFLAGS) $(CPPFLAGS) $(CFLAGS)
P_LDFLAGS = -pthread $(if $(SAN),-fsanitize=$(SAN)) $(LDFLAGS)

# Asked once, and only by targets that compile.
LIB_CFLAGS = $(eval LIB_CFLAGS := $$(shell $(PKG_CONFIG) --cflags $(LIBS)))$(LIB_CFLAGS)
LIB_LIBS   = $(eval LIB_LIBS := $$(shell $(PKG_CONFIG) --libs $(LIBS)))$(LIB_LIBS)

SOURCES := $(filter-out src/main.c,$(wildcard src/*/*.c))
OBJECTS := $(SOURCES:src/%.c=$(B)/%.o)
UNITS   := $(patsubst tests/unit/%.c,$(B)/unit/%,$(wildcard tests/unit/test_*.c))

.PHONY: all test unit demo demo-stop lint bench soak fuzz install clean format
all: $(B)/platen

$(B)/platen: $(B)/main.o $(B)/libplaten.a
	$(CC) $(P_CFLAGS) $(P_LDFLAGS) -o $@ $^ $(LIB_LIBS)

$(B)/libplaten.a: $(OBJECTS)
	@rm -f $@
	$(AR) rcs $@ $^

$(B)/%.o: src/%.c
	@mkdir -p $(@D)
	$(CC) $(P_CFLAGS) -MMD -MP -c -o $@ $<

$(B)/unit/%: tests/unit/%.c $(B)/libplaten.a
	@mkdir -p $(@D)
	$(CC) $(P_CFLAGS) -Itests/unit $(P_LDFLAGS) -MMD -MP -MF $@.d -o $@ $< $(B)/libplaten.a $(LIB_LIBS) -lcmocka

unit: $(UNITS)
	@for t in $(UNITS); do $$t || exit 1; done

clean:
	rm -rf build

-include $(OBJECTS:.o=.d) $(B)/main.d $(UNITS:=.d)
