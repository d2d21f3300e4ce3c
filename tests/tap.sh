# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash
#
# Test Anything Protocol for tests written in bash.

tap_ran=0 tap_failed=0 tap_cleanups=()
: "${srcdir:=$(dirname "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")")}" "${builddir:=$PWD}"

# cleanup COMMAND: run when the test ends, however it ends; the last one first.
cleanup()
{
	tap_cleanups=("$1" "${tap_cleanups[@]}")
}

tap_exit()
{
	trap '' INT TERM HUP
	local command
	for command in "${tap_cleanups[@]}"; do
		eval "$command"
	done
}
# A second signal, as a group gets it beside one of its own, does not end what the first began.
tap_end()
{
	trap '' INT TERM HUP
	exit "$1"
}
trap tap_exit EXIT
trap 'tap_end 129' HUP
trap 'tap_end 130' INT
trap 'tap_end 143' TERM

note()
{
	printf '%s\n' "$*" | sed 's/^/# /'
}

# result STATUS SENTENCE: one assertion.
result()
{
	tap_ran=$((tap_ran + 1))
	if [ "$1" -eq 0 ]; then
		echo "ok $tap_ran - $2"
	else
		tap_failed=$((tap_failed + 1))
		echo "not ok $tap_ran - $2"
	fi
	return "$1"
}

# ok SENTENCE COMMAND...: holds when the command succeeds; its output explains a failure.
ok()
{
	local sentence=$1 output status=0
	shift
	output=$(mktemp)
	"$@" >"$output" 2>&1 || status=$?
	result $status "$sentence" || { note "$* -> $status"; tail -n 50 "$output" | sed 's/^/# /'; }
	rm -f "$output"
	return $status
}

# is SENTENCE GOT WANTED; like SENTENCE GOT EXTENDED-REGEX
is()
{
	[ "$2" = "$3" ]
	result $? "$1" || { note "got '$2', wanted '$3'"; return 1; }
}

like()
{
	grep -qE -- "$3" <<<"$2"
	result $? "$1" || { note "no /$3/ in: $2"; return 1; }
}

not()
{
	! "$@"
}

# skip SENTENCE REASON: an assertion that could not be made here.
skip()
{
	tap_ran=$((tap_ran + 1))
	echo "ok $tap_ran - $1 # SKIP $2"
}

# skip_all REASON: before the first assertion. (automake's TAP driver takes 77 for an error.)
skip_all()
{
	echo "1..0 # SKIP $1"
	exit 0
}

requires_root()
{
	[ "$(id -u)" = 0 ] || skip_all "needs root"
}

requires_command()
{
	local command
	for command; do
		PATH=$PATH:/sbin:/usr/sbin command -v "$command" >/dev/null || skip_all "needs $command"
	done
}

# finish: the last line of a test.
finish()
{
	echo "1..$tap_ran"
	exit $((tap_failed != 0))
}

# wait_for SECONDS COMMAND...: until the command succeeds; SECONDS is what a machine with little else to do may need, and one
# that is slow has three times as long.
wait_for()
{
	local deadline=$((${EPOCHREALTIME/./} + 3 * $1 * 1000000))
	shift
	until "$@" >/dev/null 2>&1; do
		[ "${EPOCHREALTIME/./}" -lt $deadline ] || return 1
		sleep 0.1
	done
}
