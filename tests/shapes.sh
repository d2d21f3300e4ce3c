#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# No message is forgotten: every shape that proto/ exports is one that
# tests/test-messages sends there and back, and that the fuzzer is given.

: "${srcdir:=.}" "${builddir:=.}" "${NM:=nm}"
n=0
bad=0

# same NAME LIST LIST
same()
{
	n=$((n + 1))
	if [ "$2" ] && [ "$2" = "$3" ]; then
		echo "ok $n - $1 ($(printf '%s\n' "$2" | wc -l))"
	else
		echo "not ok $n - $1"
		printf '# exported:\n%s\n# tried:\n%s\n' "$2" "$3" | sed '/^#/!s/^/#   /'
		bad=1
	fi
}

exported=$("$NM" -g --defined-only "$builddir/libproto.a" 2>/dev/null | sed -n 's/^[0-9a-f]* [BDR] \(cf_[a-z_]*\)_shape$/\1/p' | sort -u)
tried=$("$builddir/tests/test-messages" --shapes | sort -u)
same "every message is sent there and back" "$exported" "$(printf '%s\n' "$tried" | grep -Fx "$exported")"

echo "1..$n"
exit $bad
