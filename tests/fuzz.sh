#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# `make fuzz`: builds the fuzz targets named with clang, libFuzzer and the
# sanitizers in ./fuzz, and runs each for FUZZ_SECONDS.  New inputs are kept in
# fuzz/corpus/NAME; what broke a target, in fuzz/NAME-*.  It is a build of its
# own, which needs sources that nothing was configured in.

set -e
srcdir=$1
shift
: "${FUZZ_SECONDS:=60}" "${MAKE:=make}"

mkdir -p fuzz
srcdir=$(cd "$srcdir" && pwd)
cd fuzz
[ -e Makefile ] || "$srcdir/configure" --quiet --enable-sanitizers CC=clang CPPFLAGS=-DLIBFUZZER \
	CFLAGS='-g -O1 -fsanitize=fuzzer-no-link'
"$MAKE" --no-print-directory "$@" LDFLAGS=-fsanitize=fuzzer

bad=0
for target; do
	name=${target#tests/fuzz-}
	seeds=$srcdir/tests/corpus/$name
	mkdir -p "corpus/$name"
	set -- -max_total_time="$FUZZ_SECONDS" -timeout=10 -max_len=8192 -print_final_stats=1 -verbosity=0
	set -- "$@" -artifact_prefix="$name-"
	[ ! -e "$seeds.dict" ] || set -- "$@" -dict="$seeds.dict"
	echo "== $target: $FUZZ_SECONDS s"
	"./$target" "$@" "corpus/$name" "$seeds" || bad=1
done
exit $bad
