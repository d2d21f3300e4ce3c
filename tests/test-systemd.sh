#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# What is installed for systemd is taken by systemd's own tools, and the ids of
# the catalog are those of the log.

: "${srcdir:=.}" "${builddir:=.}"
n=0
bad=0
root=$(mktemp -d) || exit 1
trap 'rm -rf "$root"' EXIT

# check NAME COMMAND...
check()
{
	n=$((n + 1))
	name=$1
	shift
	if out=$("$@" 2>&1); then
		echo "ok $n - $name"
	else
		echo "not ok $n - $name"
		printf '%s\n' "$out" | sed 's/^/# /'
		bad=1
	fi
}

# needs TOOL NAME: skips the subtest where the tool is not installed.
needs()
{
	command -v "$1" >/dev/null && return 0
	n=$((n + 1))
	echo "ok $n - $2 # SKIP no $1"
	return 1
}

# The ids of one file, one per line.
ids()
{
	sed -n "$1" "$2" | sort
}

same_ids()
{
	log=$(ids 's/^#define LOG_ID_.*"\([0-9a-f]\{32\}\)"$/\1/p' "$srcdir/daemon/log.h")
	catalog=$(ids 's/^-- \([0-9a-f]\{32\}\)$/\1/p' "$srcdir/systemd/clockferry.catalog")
	[ "$(printf '%s\n' "$log" | wc -l)" -ge 15 ] && [ "$log" = "$catalog" ]
}

catalog()
{
	mkdir -p "$root/usr/lib/systemd/catalog" "$root/var/lib/systemd/catalog"
	cp "$srcdir/systemd/clockferry.catalog" "$root/usr/lib/systemd/catalog/"
	journalctl --root="$root" --update-catalog
	shown=$(journalctl --root="$root" --dump-catalog | grep -c '^Defined-By: clockferry$')
	echo "$shown entries"
	[ "$shown" = "$(grep -c '^-- ' "$srcdir/systemd/clockferry.catalog")" ]
}

# Every entry ends with something to type.
advice()
{
	awk '/^-- / { if (id && !typed) { print id; bad = 1 } id = $2; typed = 0 }
	     /: (clockferry|clockferryd|systemctl|chronyc|id) / { typed = 1 }
	     /: clockferry [a-z]+$/ { typed = 1 }
	     END { if (!typed) { print id; bad = 1 } exit bad }' "$srcdir/systemd/clockferry.catalog"
}

# The names of fields in the files given, one per line.
fields()
{
	cat "$@" | grep -o '\bCLOCKFERRY_[A-Z_]*[A-Z]\b' | sort -u
}

# The manual has those that the journal gets, and the catalog speaks of no others.
same_fields()
{
	fields "$srcdir/daemon/log.c" "$srcdir/daemon/act/receipt-log.c" >"$root/sent"
	fields "$srcdir/daemon/clockferryd.8" >"$root/manual"
	fields "$srcdir/systemd/clockferry.catalog" >"$root/catalog"
	[ "$(wc -l <"$root/sent")" -ge 15 ] && diff "$root/sent" "$root/manual" &&
		[ -z "$(comm -13 "$root/sent" "$root/catalog")" ]
}

# The last step of a reload looks at the settings: it alone can fail where they have a fault.
reload()
{
	sed -n 's/^ExecReload=//p' "$builddir/systemd/clockferryd.service" | tail -n 1 | grep '/clockferryd --check-config$'
}

# What is executed has to exist for verify.
unit()
{
	sed 's|^\(Exec[A-Za-z]*\)=.*/clockferryd\>.*|\1=/bin/true|' "$builddir/systemd/clockferryd.service" >"$root/clockferryd.service"
	out=$(systemd-analyze verify --man=no "$root/clockferryd.service" 2>&1) && [ -z "$out" ]
	status=$?
	echo "$out"
	return $status
}

# 2.7 with systemd 252; newer ones may look at more.
exposure()
{
	score=$(systemd-analyze security --offline=yes "$root/clockferryd.service" |
		sed -n 's/.*exposure level for .*: \([0-9.]*\) .*/\1/p')
	echo "exposure $score"
	awk -v score="$score" 'BEGIN { exit !(score != "" && score <= 3.0) }'
}

capabilities()
{
	want="CAP_DAC_READ_SEARCH CAP_SYS_PTRACE"
	for key in AmbientCapabilities CapabilityBoundingSet; do
		grep -qx "$key=$want" "$builddir/systemd/clockferryd.service" || return 1
	done
	for one in $want; do
		grep -q "^#   $one " "$builddir/systemd/clockferryd.service" || return 1
	done
}

users()
{
	mkdir -p "$root/etc" "$root/usr/lib/sysusers.d"
	cp "$srcdir/systemd/clockferry.sysusers" "$root/usr/lib/sysusers.d/clockferry.conf"
	systemd-sysusers --root="$root" && grep -q '^clockferry:' "$root/etc/passwd" &&
		grep -q '^libvirt:.*:clockferry$' "$root/etc/group"
}

check "log and catalog have the same ids" same_ids
check "each entry of the catalog says what to type" advice
check "log, manual and catalog have the same fields" same_fields
needs journalctl "journalctl takes the catalog" && check "journalctl takes the catalog" catalog
check "a reload fails where the settings have a fault" reload
check "two capabilities, each with its reason" capabilities
if needs systemd-analyze "systemd takes the unit"; then
	check "systemd takes the unit" unit
	check "the unit is as closed as it was" exposure
fi
needs systemd-sysusers "the user is in the group libvirt" && check "the user is in the group libvirt" users

echo "1..$n"
exit $bad
