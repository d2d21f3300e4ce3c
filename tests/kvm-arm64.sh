#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck source=tests/tap.sh
#
# arm64's part of libclockferry-kvm.so on a machine that is none: built by a cross
# compiler, tested under emulation.
. "${srcdir:-.}/tests/tap.sh"

[ ! -e "$builddir/tests/test-kvm-arm64" ] || skip_all "this is arm64: tests/test-kvm-arm64 runs by itself"
requires_command aarch64-linux-gnu-gcc aarch64-linux-gnu-nm qemu-aarch64-static
tmp=$(mktemp -d) || exit 1
cleanup "rm -rf '$tmp'"

inside="arm64 cnt instant interpose outcome page vm"
common="-std=gnu17 -D_GNU_SOURCE -O2 -Wall -Wextra -Wshadow -Werror -Wno-missing-field-initializers -I$srcdir"
files=
for name in $inside; do
	files="$files $srcdir/kvm/$name.c"
done
files="$files $srcdir/policy/counter.c"

# shellcheck disable=SC2086
ok "the library builds for arm64" aarch64-linux-gnu-gcc $common -DNDEBUG -fPIC -fvisibility=hidden -shared -Wl,-z,defs \
	"-Wl,--version-script=$srcdir/kvm/kvm.map" -o "$tmp/library.so" $files "$srcdir/kvm/machine.c"
is "it exports ioctl and nothing more" \
	"$(aarch64-linux-gnu-nm -D --defined-only "$tmp/library.so" | awk '{ print $NF }')" ioctl
# shellcheck disable=SC2086
ok "so does its test" aarch64-linux-gnu-gcc $common -static -o "$tmp/test" "$srcdir/tests/test-kvm-arm64.c" \
	"$srcdir/tests/fake-kvm.c" "$srcdir/tests/fake-kvm-arm64.c" $files || finish

timeout 120 qemu-aarch64-static "$tmp/test" >"$tmp/out" 2>&1
result $? "which passes" || sed 's/^/# /' "$tmp/out"
like "all of it" "$(cat "$tmp/out")" '^1\.\.[0-9]+$'
while read -r line; do
	note "$line"
done < <(grep -v '^1\.\.' "$tmp/out")
finish
