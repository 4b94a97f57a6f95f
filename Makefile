# SPDX-FileCopyrightText: 2026 The Mapiary authors
# SPDX-License-Identifier: Apache-2.0
#
# The two commands a new user needs are `make demo` and `make check`; each does
# its own set-up.  Meson builds; this file only names what people ask for.

.PHONY: all setup demo check model bench soak fuzz install fmt clean

all: setup
	tools/dev build

setup:
	tools/setup

demo: all
	build/mapiary demo

check: setup
	tools/dev all

model: setup
	tools/dev model

bench: all
	tools/dev bench

soak: all
	tools/dev soak

fuzz: setup
	tools/dev fuzz $(or $(SECONDS),60)

install: all
	meson install -C build

fmt: setup
	tools/dev fmt

clean:
	rm -rf build build-asan build-tsan build-fuzz
