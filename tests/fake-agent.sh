# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash
#
# For tests/client*.sh: the operator's command, and an agent that answers what a script says.
. "$srcdir/tests/tap.sh"
requires_command python3 script

dir=$(mktemp -d)
cleanup 'rm -rf "$dir"'
"$builddir/tests/made-up-json" "$dir" || exit 1
head -c 1000 "$dir/receipt-clean.json" >"$dir/truncated.json"
printf '\x7fELF garbage' >"$dir/garbage"
printf '{}' >"$dir/empty.json"
printf '<h1>It works!</h1>' >"$dir/page"
: >"$dir/script"

start_agent()
{
	rm -f "$dir/sock"
	python3 "$srcdir/tests/fake-agent.py" "$dir" "$dir/sock" 2>"$dir/agent.log" &
	agent=$!
	wait_for 20 test -S "$dir/sock"
}
stop_agent()
{
	kill "$agent" 2>/dev/null
	wait "$agent" 2>/dev/null
}
cleanup stop_agent
start_agent || exit 1

# answers LINE...: the agent's script from here on.
answers()
{
	printf '%s\n' "$@" >"$dir/script.new"
	: >"$dir/requests"
	ln -f "$dir/script" "$dir/script.old"	# so that no number of a file comes back at once
	mv "$dir/script.new" "$dir/script"
}

ferry()
{
	status=0
	"$builddir/clockferry" --socket "$dir/sock" --timeout 20s "$@" >"$dir/out" 2>"$dir/err" || status=$?
	out=$(cat "$dir/out") err=$(cat "$dir/err")
}

# runs STATUS SENTENCE ARGUMENTS...: and leaves $out and $err behind.
runs()
{
	local wanted=$1 sentence=$2
	shift 2
	ferry "$@"
	is "$sentence: exit $wanted" "$status" "$wanted" || note "stdout: $out" "stderr: $err"
}

# golden NAME SENTENCE: the output is that of tests/test-show.
golden()
{
	is "$2" "$out" "$(cat "$srcdir/tests/golden/$1.txt")"
}

is_json()
{
	python3 -c 'import json, sys; json.load(sys.stdin)' <"$dir/out"
}

asked()
{
	grep -qE -- "$1" "$dir/requests"
}
