#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# The shape of the tree, checked: who may include whom, which folder may know
# which foreign library, and that the pure libraries stay pure.

: "${srcdir:=.}" "${builddir:=.}" "${NM:=nm}"
n=0
bad=0

# check NAME FOUND: passes when nothing was found.
check()
{
	n=$((n + 1))
	if [ -z "$2" ]; then
		echo "ok $n - $1"
	else
		echo "not ok $n - $1"
		printf '%s\n' "$2" | sed 's/^/# /'
		bad=1
	fi
}

# includes FOLDER PATTERN: lines in FOLDER that include something PATTERN names.
includes()
{
	find "$srcdir/$1" -name '*.[ch]' 2>/dev/null | xargs -r grep -nE "#include [\"<]($2)"
}

# foreign HEADER FOLDER...: sources outside the folders that include HEADER.
foreign()
{
	header=$1
	shift
	found=$(cd "$srcdir" && find proto policy daemon client hook kvm -name '*.[ch]' 2>/dev/null |
		xargs -r grep -lE "#include <($header)")
	for folder; do
		found=$(printf '%s\n' "$found" | grep -v "^$folder")
	done
	printf '%s' "$found"
}

check "proto includes only proto"        "$(includes proto '(policy|daemon|client|hook|kvm)/')"
check "policy includes only proto"       "$(includes policy '(daemon|client|hook|kvm)/')"
check "client includes only proto"       "$(includes client '(policy|daemon|hook|kvm)/')"
check "proto/kvm.h and policy/counter.h are of the standard library and proto/time.h alone" \
	"$(cd "$srcdir" && grep -nE '^#include' proto/kvm.h policy/counter.h proto/time.h | grep -vE '<std(bool|int)\.h>|"proto/time\.h"')"
check "kvm includes only policy/counter.h, proto/kvm.h and proto/time.h" \
	"$(includes kvm '(policy|daemon|client|hook|proto)/' | grep -vE '"(policy/counter|proto/kvm|proto/time)\.h"')"
check "hook includes only itself and proto's times" \
	"$(find "$srcdir/hook" -name '*.[ch]' | xargs grep -nE '#include "' | grep -vE '"(hook/[a-z]+|proto/time)\.h"')"
check "daemon includes no client"        "$(includes daemon '(client|hook)/')"
check "include paths are written in full" \
	"$(cd "$srcdir" && find proto policy daemon client hook kvm -name '*.[ch]' 2>/dev/null | xargs -r grep -nE '#include "[^/"]+"' | grep -v config.h)"

check "json-c is known to proto/codec alone"        "$(foreign 'json-c/|json\.h' proto/codec)"
check "libvirt is known to daemon/virt alone"       "$(foreign 'libvirt/' daemon/virt/)"
check "libxml2 is known to daemon/virt alone"       "$(foreign 'libxml' daemon/virt/)"
check "no header of daemon/virt but the private one shows libvirt or libxml2" \
	"$(cd "$srcdir" && grep -lE '#include <(libvirt|libxml)' daemon/virt/*.h 2>/dev/null | grep -v '/private\.h$')"
check "libmicrohttpd is known to daemon/http alone" "$(foreign 'microhttpd' daemon/http/)"
check "gnutls is known to daemon/http, daemon/peer, daemon/digest.c and daemon/lapsed.c alone" \
	"$(foreign 'gnutls/' daemon/http/ daemon/peer/ daemon/digest.c daemon/lapsed.c)"
check "libcurl is known to daemon/peer and client alone" "$(foreign 'curl/' daemon/peer/ client/)"
check "libconfuse is known to daemon/settings-file.c alone" "$(foreign 'confuse' daemon/settings-file.c)"
check "libsmartcols is known to client alone"       "$(foreign 'libsmartcols' client/)"
check "SQLite is known to daemon/ledger alone"      "$(foreign 'sqlite3' daemon/ledger/)"
check "no header of daemon/ledger but the private one shows SQLite" \
	"$(cd "$srcdir" && grep -lE '#include <sqlite' daemon/ledger/*.h 2>/dev/null | grep -v '/private\.h$')"

# An allow-list: whatever a pure library takes from outside has to stand here.
# bcmp is what clang makes of a memcmp() that is only compared with 0.
outside()
{
	"$NM" -u "$builddir/$1" 2>/dev/null | awk 'NF == 2 && $1 ~ /^[Uw]$/ { print $2 }' | sort -u |
		grep -vE '^(cf_|__asan|__ubsan|__stack_chk_fail|_GLOBAL_OFFSET_TABLE_|__gcov|__tsan)'
}

proto_may='calloc|malloc|free|explicit_bzero|__explicit_bzero_chk|realloc|strdup|memcpy|memset|memmove|bcmp|memcmp|memchr|strcmp|strncmp|strlen|strnlen|strcpy|strchr|strrchr|strspn|strcspn|stpcpy|strtod|strtod_l|newlocale|strtoll|__isoc23_strtoll|snprintf|vsnprintf|__snprintf_chk|__vsnprintf_chk|__memcpy_chk|__strcpy_chk|abort|__assert_fail|gmtime_r|timegm|llabs|json_.*|__isoc99_sscanf|__ctype_b_loc|__errno_location|isfinite|__finite|lround|fabs'
policy_may='memcpy|memset|memmove|bcmp|memcmp|strcmp|strlen|__assert_fail|__memcpy_chk'
check "libproto.a takes only what the list allows"  "$(outside libproto.a | grep -vxE "$proto_may")"
if [ -e "$builddir/libpolicy.a" ]; then
	check "libpolicy.a takes only what the list allows" "$(outside libpolicy.a | grep -vxE "$policy_may")"
fi

# Unless it was configured with --enable-faults.
if ! grep -q '^FAULTS_TRUE = $' "$builddir/Makefile" 2>/dev/null; then
	check "what ships fails nowhere because a test wants it to" "$("$NM" "$builddir/libdaemon.a" 2>/dev/null | grep ' fault_')"
fi

# Unless it was configured with sanitizers.
hardened()
{
	readelf -dW "$1" | grep -q 'Flags: NOW PIE' && "$NM" -D -u "$1" | grep -q ' __stack_chk_fail'
}
if ! grep -q '^HARDEN_LDFLAGS = $' "$builddir/Makefile" 2>/dev/null && [ -e "$builddir/clockferryd" ]; then
	check "both programs are hardened" \
		"$(for program in clockferry clockferryd; do hardened "$builddir/$program" || echo "$program"; done)"
fi

kvm=$builddir/libclockferry-kvm.so
if [ -e "$kvm" ]; then
	check "libclockferry-kvm.so exports ioctl and nothing more" \
		"$("$NM" -D --defined-only "$kvm" | awk '{ print $NF }' | grep -vx ioctl)"
	check "libclockferry-kvm.so needs libc and nothing more" \
		"$(readelf -d "$kvm" | sed -n 's/.*(NEEDED).*\[\(.*\)\]/\1/p' | grep -vxE 'libc\.so\.[0-9.]+')"
	check "libclockferry-kvm.so takes no memory of malloc, no lock and no thread" \
		"$("$NM" -D -u "$kvm" | awk '{ print $NF }' | sed 's/@.*//' | grep -E 'alloc|free|pthread|dlsym|dlopen|printf|atfork')"
	check "libclockferry-kvm.so runs nothing when it is loaded" \
		"$(readelf -d "$kvm" | grep -E 'INIT_ARRAYSZ' | awk '$3 > 8')"
fi

check "every source says its licence in one line" \
	"$(cd "$srcdir" && find proto policy daemon client hook kvm tests bench systemd -type f \( -name '*.[ch]' -o -name '*.sh' -o -name '*.py' \) 2>/dev/null | xargs -r grep -L 'SPDX-License-Identifier: LGPL-2.1-or-later')"

echo "1..$n"
exit $bad
