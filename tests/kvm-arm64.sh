#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck source=tests/tap.sh
#
# arm64's part of libclockferry-kvm.so, and the arithmetic of policy/, on a machine that is none: built by a cross
# compiler, tested under emulation.
. "${srcdir:-.}/tests/tap.sh"

[ ! -e "$builddir/tests/test-kvm-arm64" ] || skip_all "this is arm64: its unit tests run by themselves"
requires_command aarch64-linux-gnu-gcc aarch64-linux-gnu-ar aarch64-linux-gnu-nm qemu-aarch64-static
tmp=$(mktemp -d) || exit 1
cleanup "rm -rf '$tmp'"

library=() pure=()
for name in arm64 cnt instant interpose outcome page vm; do
	library+=("$srcdir/kvm/$name.c")
done
library+=("$srcdir/policy/counter.c")
# What needs no library that would have to be there for arm64, as json-c would for the codec.
for name in "$srcdir"/policy/*.c "$srcdir"/proto/*.c; do
	case ${name##*/} in codec*) ;; *) pure+=("$name") ;; esac
done

cc()
{
	aarch64-linux-gnu-gcc -std=gnu17 -D_GNU_SOURCE -O2 -Wall -Wextra -Wshadow -Werror -Wno-missing-field-initializers -I"$srcdir" "$@"
}

# Two files of one name would be one object.
archive()
{
	local file name
	for file in "${pure[@]}"; do
		name=${file#"$srcdir/"}
		cc -c -o "$tmp/${name/\//-}.o" "$file" || return
	done
	aarch64-linux-gnu-ar rcs "$tmp/pure.a" "$tmp"/*.o
}

# runs TEST [FILES]: it passes, all of it.
runs()
{
	local name=$1
	shift
	ok "$name builds for arm64" cc -static -o "$tmp/$name" "$srcdir/tests/$name.c" "$@" "$tmp/pure.a" || return
	timeout 120 qemu-aarch64-static "$tmp/$name" >"$tmp/out" 2>&1
	result $? "... and passes" || sed 's/^/# /' "$tmp/out"
	like "... all of it" "$(tail -n 1 "$tmp/out")" '^1\.\.[0-9]+$'
	note "$(grep -c '^ok' "$tmp/out") of its sentences hold"
}

ok "the library builds for arm64" cc -DNDEBUG -fPIC -fvisibility=hidden -shared -Wl,-z,defs "-Wl,--version-script=$srcdir/kvm/kvm.map" \
	-o "$tmp/library.so" "${library[@]}" "$srcdir/kvm/machine.c"
is "it exports ioctl and nothing more" \
	"$(aarch64-linux-gnu-nm -D --defined-only "$tmp/library.so" | awk '{ print $NF }')" ioctl
ok "so do policy and messages" archive || finish
for name in kvm-arm64 carry-arm64; do
	runs "test-$name" "$srcdir/tests/fake-kvm.c" "$srcdir/tests/fake-kvm-arm64.c" "${library[@]}"
done
for name in counter offset clock clock-moves blackout guest guest-laws lever past watch; do
	runs "test-$name"
done
finish
